#include "launcher/watch/notify/outcome.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace carrel::notify {
namespace {

bool is_lookup_miss(int error) {
  return error == ENOENT;
}

/// Of a name that is not there: can it be made?
int making(const Seen& seen) {
  if (!is_lookup_miss(seen.error)) return seen.error;
  return seen.parent_there ? seen.parent_write : ENOENT;
}

int rights(const Seen& seen, uint32_t flags) {
  const uint32_t access = flags & O_ACCMODE;
  const bool writes = access != O_RDONLY || (flags & O_TRUNC) != 0;
  if (writes && S_ISDIR(seen.mode)) return EISDIR;
  if (writes && seen.may_write != 0) return seen.may_write;
  return access != O_WRONLY ? seen.may_read : 0;
}

bool is_loopback(const in_addr& address) {
  const uint32_t host = ntohl(address.s_addr);
  return host >> 24 == 127 || host == INADDR_ANY;
}

}  // namespace

Outcome outcome_of_open(const Seen& seen, uint32_t flags) {
  constexpr uint32_t kTemporary = O_TMPFILE & ~static_cast<uint32_t>(O_DIRECTORY);
  if (seen.unclear) return {};
  if ((flags & kTemporary) != 0 && (flags & O_DIRECTORY) != 0) {
    return {seen.error != 0 ? seen.error : seen.may_write, false};
  }
  if (seen.error != 0) {
    if ((flags & O_CREAT) == 0 || (flags & O_PATH) != 0) return {seen.error, false};
    const int error = making(seen);
    return {error, error == 0};
  }
  if ((flags & O_PATH) != 0) {
    return {(flags & O_DIRECTORY) != 0 && !S_ISDIR(seen.mode) ? ENOTDIR : 0, false};
  }
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return {EEXIST, false};
  if (S_ISLNK(seen.mode)) return {ELOOP, false};
  if ((flags & O_DIRECTORY) != 0 && !S_ISDIR(seen.mode)) return {ENOTDIR, false};
  if ((flags & O_CREAT) != 0 && S_ISDIR(seen.mode)) return {EISDIR, false};
  return {rights(seen, flags), false};
}

int outcome_of_exec(const Seen& seen) {
  if (seen.unclear) return 0;
  if (seen.error != 0) return seen.error;
  if (!S_ISREG(seen.mode)) return EACCES;
  return seen.may_execute;
}

int outcome_of_enter(const Seen& seen) {
  if (seen.unclear) return 0;
  if (seen.error != 0) return seen.error;
  if (!S_ISDIR(seen.mode)) return ENOTDIR;
  return seen.may_execute;
}

int outcome_of_removal(const Seen& seen) {
  if (seen.unclear) return 0;
  if (seen.error != 0) return seen.error;
  if (seen.parent_write != 0) return seen.parent_write;
  return seen.mounted ? EBUSY : 0;
}

int outcome_of_making(const Seen& seen) {
  if (seen.unclear) return 0;
  return seen.error == 0 ? EEXIST : making(seen);
}

int outcome_of_new_name(const Seen& seen) {
  if (seen.unclear) return 0;
  return seen.error == 0 ? outcome_of_removal(seen) : making(seen);
}

int outcome_of_connect(std::string_view address) {
  sa_family_t family = AF_UNSPEC;
  if (address.size() < sizeof family) return 0;
  std::memcpy(&family, address.data(), sizeof family);
  if (family == AF_INET && address.size() >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, address.data(), sizeof in);
    return is_loopback(in.sin_addr) ? 0 : ENETUNREACH;
  }
  if (family == AF_INET6 && address.size() >= 24) {  // without sin6_scope_id: still accepted
    sockaddr_in6 in6{};
    std::memcpy(&in6, address.data(), std::min(address.size(), sizeof in6));
    if (IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr)) return 0;
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
      in_addr mapped{};
      std::memcpy(&mapped, in6.sin6_addr.s6_addr + 12, sizeof mapped);
      return is_loopback(mapped) ? 0 : ENETUNREACH;
    }
    return ENETUNREACH;
  }
  return 0;
}

bool leads_out(std::string_view address) {
  return outcome_of_connect(address) == ENETUNREACH;
}

}  // namespace carrel::notify
