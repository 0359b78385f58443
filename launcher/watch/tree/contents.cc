#include "launcher/watch/tree/contents.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "launcher/watch/tree/beneath.h"
#include "launcher/watch/tree/changes.h"
#include "profiles/base/text.h"

namespace carrel::tree {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr std::string_view kLeftOut = "contents left out: too much changed";
constexpr std::string_view kNoRoom = "contents left out: no room on the host";
constexpr std::string_view kNoBefore = "contents before are not kept";

/// Reads until `bytes` are there or the file ends; -1 on failure.
ssize_t read_piece(int fd, char* into, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = read(fd, into + got, bytes - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(got);
}

}  // namespace

uint32_t git_mode(mode_t mode) {
  if (S_ISREG(mode)) return (mode & S_IXUSR) != 0 ? 0100755 : 0100644;
  return mode & S_IFMT;
}

bool Contents::hash(int fd, uint64_t bytes, std::string* sha256, uint64_t* got) {
  const bool whole = bytes <= kMaxContent;
  *got = 0;
  content_.clear();
  while (*got < bytes) {
    const size_t piece = std::min<uint64_t>(kPiece, bytes - *got);
    const size_t at = whole ? *got : 0;
    content_.resize(at + piece);
    const ssize_t n = read_piece(fd, content_.data() + at, piece);
    content_.resize(at + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0) {
      (void)sha_.finish();
      return false;
    }
    sha_.update(std::string_view(content_).substr(at));
    *got += static_cast<uint64_t>(n);
    if (static_cast<size_t>(n) < piece) break;
  }
  *sha256 = evidence::as_view(sha_.finish());
  return true;
}

void Contents::read_after(int folder_fd, const std::string& name, const struct stat& seen,
                          Large large, events::FileChanged& change) {
  change.after_mode = git_mode(seen.st_mode);
  if (S_ISLNK(seen.st_mode)) return read_link(folder_fd, name, change);
  if (S_ISDIR(seen.st_mode)) return;
  if (!S_ISREG(seen.st_mode)) return add_note(change, kNotRegular);
  change.after_bytes = static_cast<uint64_t>(seen.st_size);
  if (change.after_bytes > kMaxContent && large == Large::kSizeOnly) {
    return add_note(change, kLarge);
  }
  if (large == Large::kSizeOnly && change.after_bytes > read_left_) {
    return add_note(change, "not looked at: too much to read");
  }
  if (large == Large::kSizeOnly) read_left_ -= change.after_bytes;
  read_file(folder_fd, name, seen, change);
}

void Contents::read_file(int folder_fd, const std::string& name, const struct stat& seen,
                         events::FileChanged& change) {
  const auto opened = open_in(folder_fd, name.c_str(), O_RDONLY);
  if (!opened.ok()) return add_note(change, why_not(opened.error().sys_errno));
  struct stat now {};
  if (fstat(opened.value().get(), &now) != 0 || !S_ISREG(now.st_mode) ||
      now.st_dev != seen.st_dev || now.st_ino != seen.st_ino) {
    return add_note(change, "not looked at: replaced meanwhile");
  }
  uint64_t got = 0;
  if (!hash(opened.value().get(), change.after_bytes, &change.after_sha256, &got)) {
    return add_note(change, "not readable");
  }
  change.after_bytes = got;
}

void Contents::read_link(int folder_fd, const std::string& name, events::FileChanged& change) {
  std::array<char, PATH_MAX + 1> target{};
  const ssize_t n = readlinkat(folder_fd, name.c_str(), target.data(), target.size());
  if (n < 0 || n > PATH_MAX) return add_note(change, "not readable");
  content_.assign(target.data(), static_cast<size_t>(n));
  change.after_bytes = content_.size();
  change.after_sha256 = evidence::as_view(sha_.of(content_));
}

Status Contents::keep_after(events::FileChanged& change) {
  if (change.after_sha256.empty() || change.after_bytes > kMaxContent) return Done{};
  return keep(change.after_sha256, change);
}

Status Contents::keep_before(const manifest::File& file, events::FileChanged& change) {
  change.before_mode = file.mode;
  change.before_bytes = file.size;
  change.before_sha256 = file.sha256;
  if (kept_.contains(file.sha256)) return Done{};
  if (file.size > kMaxContent) {
    add_note(change, kLarge);
    return Done{};
  }
  if (!fits(file.size, change)) return Done{};
  const auto opened = open_in(pristine_fd_, to_hex(file.sha256).c_str(), O_RDONLY);
  struct stat seen {};
  std::string sha256;
  uint64_t got = 0;
  // The digest is checked again: whoever wrote the folder is not the one who vouches for it.
  if (!opened.ok() || fstat(opened.value().get(), &seen) != 0 || !S_ISREG(seen.st_mode) ||
      !hash(opened.value().get(), file.size, &sha256, &got) || sha256 != file.sha256) {
    add_note(change, kNoBefore);
    return Done{};
  }
  return keep(sha256, change);
}

bool Contents::fits(uint64_t bytes, events::FileChanged& change) const {
  if (bytes > left_) add_note(change, kLeftOut);
  return bytes <= left_;
}

Status Contents::keep(const std::string& sha256, events::FileChanged& change) {
  if (kept_.contains(sha256) || !fits(content_.size(), change)) return Done{};
  const Status taken = sink_(sha256, content_);
  if (!taken.ok() && taken.error().sys_errno == ENOSPC) {
    add_note(change, kNoRoom);
    return Done{};
  }
  RETURN_IF_ERROR(taken);
  left_ -= content_.size();
  kept_.insert(sha256);
  return Done{};
}

}  // namespace carrel::tree
