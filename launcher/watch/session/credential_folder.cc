#include "launcher/watch/session/credential_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace carrel::session {
namespace {

constexpr const char* kTokenName = "token";
constexpr const char* kKeysName = "jwks.json";
constexpr const char* kSecretName = "secret";
constexpr const char* kNewName = ".new";

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.size() < 64 &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t taken = write(fd, bytes.data(), bytes.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return errno_error("write a credential");
    bytes.remove_prefix(static_cast<size_t>(taken));
  }
  return Done{};
}

/// A file of its own under a name nobody reads, then rename(2) over the one that is read.
Status replace(int folder_fd, const char* name, std::string_view bytes) {
  if (unlinkat(folder_fd, kNewName, 0) != 0 && errno != ENOENT) {
    return errno_error("remove an unfinished credential");
  }
  const UniqueFd file(
      openat(folder_fd, kNewName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.valid()) return errno_error("create a credential");
  // The umask is not this folder's business.
  if (fchmod(file.get(), 0644) != 0) return errno_error("chmod a credential");
  RETURN_IF_ERROR(write_all(file.get(), bytes));
  if (renameat(folder_fd, kNewName, folder_fd, name) != 0)
    return errno_error("rename a credential");
  return Done{};
}

Result<UniqueFd> open_folder(int parent_fd, const std::string& name) {
  UniqueFd folder(openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the folder of credential " + name);
  return folder;
}

}  // namespace

Result<UniqueFd> CredentialFolder::make_folder(const std::string& name) const {
  if (!is_plain_name(name)) return Error{"a credential's name is no file name", EINVAL};
  if (mkdirat(folder_.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
    return errno_error("make the folder of credential " + name);
  }
  ASSIGN_OR_RETURN(UniqueFd folder, open_folder(folder_.get(), name));
  if (fchmod(folder.get(), 0755) != 0) return errno_error("chmod the folder of credential " + name);
  return folder;
}

Status CredentialFolder::write(const std::string& name, std::string_view token,
                               std::string_view jwks) const {
  ASSIGN_OR_RETURN(const UniqueFd folder, make_folder(name));
  // The key first: a token is never there without what verifies it.
  RETURN_IF_ERROR(replace(folder.get(), kKeysName, jwks));
  return replace(folder.get(), kTokenName, token);
}

Status CredentialFolder::write_secret(const std::string& name, std::string_view secret) const {
  ASSIGN_OR_RETURN(const UniqueFd folder, make_folder(name));
  return replace(folder.get(), kSecretName, secret);
}

Status CredentialFolder::remove(const std::string& name) const {
  if (!is_plain_name(name)) return Error{"a credential's name is no file name", EINVAL};
  Result<UniqueFd> folder = open_folder(folder_.get(), name);
  if (!folder.ok()) {
    if (folder.error().sys_errno == ENOENT) return Done{};
    return folder.take_error();
  }
  for (const char* file : {kTokenName, kKeysName, kSecretName, kNewName}) {
    if (unlinkat(folder.value().get(), file, 0) != 0 && errno != ENOENT) {
      return errno_error("remove credential " + name);
    }
  }
  if (unlinkat(folder_.get(), name.c_str(), AT_REMOVEDIR) != 0) {
    return errno_error("remove the folder of credential " + name);
  }
  return Done{};
}

}  // namespace carrel::session
