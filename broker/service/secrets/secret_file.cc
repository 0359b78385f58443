#include "broker/service/secrets/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::secrets {
namespace {

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  (void)snprintf(text.data(), text.size(), "%04o", mode & 07777U);
  return text.data();
}

/// Whole sentences: what the errno of a call would have been says nothing more.
Error refused(const std::string& file, const std::string& why) {
  return Error{"the file " + file + " " + why};
}

Status check_file(int fd, const Folder& folder, const std::string& file) {
  struct stat what {};
  struct stat around {};
  if (fstat(fd, &what) != 0 || fstat(folder.fd, &around) != 0) return errno_error("stat " + file);
  if (!S_ISREG(what.st_mode)) {
    return refused(file, "is no regular file: put one there that holds the secret");
  }
  if (what.st_uid != around.st_uid) {
    return refused(file, "belongs to uid " + std::to_string(what.st_uid) +
                             ", who could change it: chown it to the owner of its folder");
  }
  const mode_t mode = what.st_mode & 07777U;
  if (mode != 0400 && mode != 0600) {
    return refused(file, "has mode " + octal(mode) + ", not 0400 or 0600: chmod 600 it");
  }
  if (what.st_size > static_cast<off_t>(kMaxSecret)) {
    return refused(file, "is larger than 64 KiB: a secret is not");
  }
  return Done{};
}

/// Wipes what it held where it fails.
Result<Secret> read_all(int fd, const std::string& file) {
  std::string bytes(kMaxSecret + 1, '\0');
  size_t count = 0;
  ssize_t got = 1;
  while (got > 0 && count < bytes.size()) {
    got = read(fd, bytes.data() + count, bytes.size() - count);
    if (got < 0 && errno == EINTR)
      got = 1;
    else if (got > 0)
      count += static_cast<size_t>(got);
  }
  const int number = errno;
  Secret whole(std::move(bytes));
  if (got < 0) return Error{"read " + file, number};
  if (count > kMaxSecret) return refused(file, "is larger than 64 KiB: a secret is not");
  std::string_view text = whole.expose().substr(0, count);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return refused(file, "is empty: write the secret into it");
  return Secret(std::string(text));
}

}  // namespace

Result<Secret> read_secret_file(const Folder& folder, const std::string& name) {
  const std::string file = quoted(name) + " in " + folder.words;
  const UniqueFd fd(
      openat(folder.fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid() && errno == ELOOP) {
    return refused(file, "is a symbolic link: put the file itself there");
  }
  if (!fd.valid() && errno == EACCES) {
    return refused(file, "cannot be read by its folder's owner: chown it to them and chmod 600 it");
  }
  if (!fd.valid()) return errno_error("open " + file);
  RETURN_IF_ERROR(check_file(fd.get(), folder, file));
  return read_all(fd.get(), file);
}

}  // namespace carrel::secrets
