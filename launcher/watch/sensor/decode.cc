#include "launcher/watch/sensor/decode.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

namespace carrel::sensor {

std::vector<std::string> split_argv(std::string_view bytes) {
  std::vector<std::string> argv;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    argv.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return argv;
}

events::NetConnect decode_address(std::string_view bytes) {
  events::NetConnect out{.family = "other", .address = "", .port = 0};
  sa_family_t family = AF_UNSPEC;
  if (bytes.size() < sizeof family) return out;
  std::memcpy(&family, bytes.data(), sizeof family);
  char text[INET6_ADDRSTRLEN] = {};
  if (const auto in = fixed_part<sockaddr_in>(bytes); family == AF_INET && in) {
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    out = {"inet", text, ntohs(in->sin_port)};
  } else if (bytes.size() >= 24 && family == AF_INET6) {  // without sin6_scope_id: still accepted
    sockaddr_in6 in6{};
    std::memcpy(&in6, bytes.data(), std::min(bytes.size(), sizeof in6));
    inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
    out = {"inet6", text, ntohs(in6.sin6_port)};
  } else if (family == AF_UNIX) {
    out.family = "unix";
    std::string_view path = bytes.substr(sizeof family);
    if (path.starts_with('\0')) {
      out.address = "@" + std::string(path.substr(1));
    } else {
      out.address = path.substr(0, path.find('\0'));
    }
  }
  return out;
}

std::string_view make_name(uint32_t call) {
  switch (call) {
    case 83:
    case 258:
      return "mkdir";
    case 133:
    case 259:
      return "mknod";
    case 86:
    case 265:
      return "link";
    case 88:
    case 266:
      return "symlink";
    default:
      return "";
  }
}

uint64_t user_device(uint32_t kernel_device) {
  return makedev(kernel_device >> 20, kernel_device & 0xFFFFF);
}

}  // namespace carrel::sensor
