#include "launcher/box/kernel/own_user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "profiles/base/unique_fd.h"

namespace carrel::kernel {
namespace {

Status write_own(const char* name, const std::string& text) {
  const std::string path = std::string("/proc/self/") + name;
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno_error("open " + path);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("write " + path);
  }
  return Done{};
}

Status enter(const OuterIds& ids) {
  if (unshare(CLONE_NEWUSER) != 0) return errno_error("make a user namespace");
  RETURN_IF_ERROR(write_own("setgroups", "deny"));
  RETURN_IF_ERROR(write_own("gid_map", "0 " + std::to_string(ids.gid) + " 1\n"));
  return write_own("uid_map", "0 " + std::to_string(ids.uid) + " 1\n");
}

}  // namespace

Result<OuterIds> enter_own_user_namespace_as_user() {
  const OuterIds ids{geteuid(), getegid()};
  if (ids.uid == 0) {
    return Error{"uid 0 without root's powers can open no workspace: use an ordinary user", EPERM};
  }
  RETURN_IF_ERROR(enter(ids));
  return ids;
}

Status enter_own_user_namespace() {
  return enter({geteuid(), getegid()});
}

}  // namespace carrel::kernel
