#include "launcher/service/network_settings.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "launcher/gateway/dial/address.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::service {
namespace {

constexpr const char* kFile = "network.toml";
constexpr const char* kHostRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr size_t kMaxFile = size_t{1} << 20;
constexpr size_t kMostResolvers = 3;
constexpr size_t kMostPrefixes = 16;

Result<std::string> read_file(const UniqueFd& file, const std::string& name) {
  std::string all;
  std::array<char, 65536> part{};
  while (true) {
    const ssize_t got = read(file.get(), part.data(), part.size());
    if (got < 0) return errno_error("read " + quoted(name));
    if (got == 0) return all;
    all.append(part.data(), static_cast<size_t>(got));
    if (all.size() > kMaxFile) return Error{quoted(name) + " is longer than 1 MiB", EFBIG};
  }
}

/// "[2001:db8::53]:53" or "192.0.2.53:53"; nothing for what is no address.
std::string endpoint(std::string_view text, uint16_t usual_port) {
  std::string host(text);
  std::string port = std::to_string(usual_port);
  const size_t colon = host.rfind(':');
  const bool bracketed = !host.empty() && host[0] == '[';
  const bool has_port =
      colon != std::string::npos && (bracketed ? host[colon - 1] == ']' : host.find(':') == colon);
  if (has_port) {
    port = host.substr(colon + 1);
    host.resize(colon);
  }
  if (bracketed && host.back() == ']') host = host.substr(1, host.size() - 2);
  uint16_t number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failed != std::errc() || end != port.data() + port.size() || number == 0) return "";
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return host + ":" + port;
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return "[" + host + "]:" + port;
  return "";
}

Error wrong(const parse::Member& member, const std::string& what) {
  return Error{std::string(kFile) + " line " + std::to_string(member.where.line) + ": " +
                   quoted(member.key) + " " + what,
               EINVAL};
}

Status read_resolvers(const parse::Member& member, NetworkSettings& settings) {
  if (member.value.kind != parse::Value::Kind::kList || member.value.items.empty() ||
      member.value.items.size() > kMostResolvers) {
    return wrong(member, "must list one to three addresses");
  }
  for (const parse::Value& item : member.value.items) {
    const std::string server = endpoint(item.text, 53);
    if (server.empty()) return wrong(member, "holds no address: " + quoted(item.text));
    settings.resolvers.push_back(server);
  }
  return Done{};
}

Status read_nat64(const parse::Member& member, NetworkSettings& settings) {
  constexpr const char* kWanted = "must list one to sixteen prefixes";
  if (member.value.kind != parse::Value::Kind::kList || member.value.items.empty() ||
      member.value.items.size() > kMostPrefixes) {
    return wrong(member, kWanted);
  }
  for (const parse::Value& item : member.value.items) {
    if (item.kind != parse::Value::Kind::kString) return wrong(member, kWanted);
    const auto prefix = gateway::parse_nat64(item.text);
    if (!prefix.ok()) {
      return wrong(member,
                   "holds no prefix of NAT64: " + quoted(item.text) + ", " + prefix.error().what);
    }
    settings.nat64.push_back(item.text);
  }
  return Done{};
}

Status read_member(const parse::Member& member, NetworkSettings& settings) {
  if (member.key == "resolvers") return read_resolvers(member, settings);
  if (member.key == "nat64") return read_nat64(member, settings);
  const bool text = member.value.kind == parse::Value::Kind::kString;
  constexpr std::string_view kScheme = "http://";
  if (member.key == "proxy") {
    std::string_view url = member.value.text;
    if (!text || !url.starts_with(kScheme)) return wrong(member, "must be \"http://ADDRESS:PORT\"");
    url.remove_prefix(kScheme.size());
    if (url.ends_with('/')) url.remove_suffix(1);
    settings.proxy = endpoint(url, 3128);
    if (settings.proxy.empty()) return wrong(member, "names no address: " + quoted(url));
    return Done{};
  }
  if (member.key == "trust") {
    if (!text || !member.value.text.starts_with('/'))
      return wrong(member, "must be an absolute path");
    settings.trust = member.value.text;
    return Done{};
  }
  return wrong(member, "is no key of it (resolvers, proxy, trust, nat64)");
}

}  // namespace

Result<NetworkSettings> parse_network_settings(std::string_view toml) {
  parse::Value root;
  parse::Problems problems;
  NetworkSettings settings;
  if (!parse::read_toml(toml, 0, root, problems)) {
    return Error{std::string(kFile) + " is no TOML", EINVAL};
  }
  for (const parse::Member& member : root.members)
    RETURN_IF_ERROR(read_member(member, settings));
  return settings;
}

std::vector<std::string> resolvers_of(std::string_view resolv_conf) {
  constexpr std::string_view kWord = "nameserver";
  std::vector<std::string> out;
  while (!resolv_conf.empty() && out.size() < kMostResolvers) {
    const size_t end = std::min(resolv_conf.find('\n'), resolv_conf.size());
    std::string_view line = resolv_conf.substr(0, end);
    resolv_conf.remove_prefix(std::min(end + 1, resolv_conf.size()));
    if (!line.starts_with(kWord)) continue;
    line.remove_prefix(kWord.size());
    while (!line.empty() && (line[0] == ' ' || line[0] == '\t'))
      line.remove_prefix(1);
    const std::string server = endpoint(line.substr(0, line.find_first_of(" \t\r#")), 53);
    if (!server.empty()) out.push_back(server);
  }
  return out;
}

Result<NetworkSettings> read_network_settings(int state_fd) {
  NetworkSettings settings;
  const UniqueFd file(openat(state_fd, kFile, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.valid()) {
    struct stat what {};
    if (fstat(file.get(), &what) != 0) return errno_error("stat network.toml");
    if (!S_ISREG(what.st_mode) || (what.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
        (what.st_uid != geteuid() && what.st_uid != 0)) {
      return Error{
          "network.toml in the state folder must be a file of its owner's that nobody else "
          "can write: chmod 0644 it",
          EPERM};
    }
    ASSIGN_OR_RETURN(const std::string text, read_file(file, kFile));
    ASSIGN_OR_RETURN(settings, parse_network_settings(text));
  } else if (errno != ENOENT) {
    return errno_error("open network.toml in the state folder");
  }
  if (!settings.resolvers.empty()) return settings;
  const UniqueFd host(open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC));
  if (host.valid()) {
    ASSIGN_OR_RETURN(const std::string text, read_file(host, "/etc/resolv.conf"));
    settings.resolvers = resolvers_of(text);
  }
  if (settings.resolvers.empty()) settings.resolvers = {"127.0.0.1:53"};  // resolv.conf(5)
  return settings;
}

Result<std::string> read_roots(const NetworkSettings& settings) {
  std::string all;
  const UniqueFd host(open(kHostRoots, O_RDONLY | O_CLOEXEC));
  if (host.valid()) {
    ASSIGN_OR_RETURN(all, read_file(host, kHostRoots));
  }
  if (settings.trust.empty()) return all;
  const UniqueFd more(open(settings.trust.c_str(), O_RDONLY | O_CLOEXEC));
  if (!more.valid())
    return errno_error("open " + quoted(settings.trust) + " (trust in network.toml)");
  ASSIGN_OR_RETURN(const std::string further, read_file(more, settings.trust));
  return all + "\n" + further;
}

}  // namespace carrel::service
