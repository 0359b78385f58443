#include "launcher/gateway/relay/names_file.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace carrel::gateway {
namespace {

constexpr size_t kMaxBytes = size_t{2} << 20;  // 4094 names of 253 bytes, and room

Result<std::string> read_whole(int fd) {
  std::string all;
  std::array<char, 65536> part{};
  while (true) {
    const ssize_t got = pread(fd, part.data(), part.size(), static_cast<off_t>(all.size()));
    if (got < 0) return errno_error("read the workspace's list of names");
    if (got == 0) return all;
    all.append(part.data(), static_cast<size_t>(got));
    if (all.size() > kMaxBytes) return Error{"the workspace's list of names is too long", EFBIG};
  }
}

/// All of it behind `end`, where the file ends, or an Error and the file as it was before. Half a
/// line left behind would make one name of two, and every later address mean another.
Status append(int fd, off_t end, std::string_view text) {
  if (end < 0) return Error{"find the end of the workspace's list of names", EIO};
  const ssize_t put = pwrite(fd, text.data(), text.size(), end);
  const bool whole = put == static_cast<ssize_t>(text.size());
  if (whole && fdatasync(fd) == 0) return Done{};
  const int number = put >= 0 && !whole ? ENOSPC : errno;
  if (ftruncate(fd, end) != 0) return errno_error("undo a write to the workspace's list of names");
  return Error{"write the workspace's list of names", number};
}

}  // namespace

Result<NamesFile> NamesFile::open(UniqueFd file, uint32_t random) {
  ASSIGN_OR_RETURN(std::string text, read_whole(file.get()));
  const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  if (whole != text.size() && ftruncate(file.get(), static_cast<off_t>(whole)) != 0) {
    return errno_error("cut the workspace's list of names");
  }
  text.resize(whole);
  if (text.empty()) {
    NamesFile fresh(std::move(file), SyntheticNames(choose_window(random)));
    RETURN_IF_ERROR(append(fresh.file_.get(), 0, fresh.names_.text()));
    return fresh;
  }
  ASSIGN_OR_RETURN(SyntheticNames names, SyntheticNames::parse(text));
  return NamesFile(std::move(file), std::move(names));
}

Status NamesFile::keep() {
  if (spoiled_) return Error{"the workspace's list of names could not be mended", EIO};
  std::string fresh;
  for (size_t i = kept_; i < names_.size(); ++i) {
    const uint32_t address = names_.window().base + 1 + static_cast<uint32_t>(i);
    fresh += names_.name_of(address).value_or("") + "\n";
  }
  if (fresh.empty()) return Done{};
  const off_t end = lseek(file_.get(), 0, SEEK_END);
  const Status kept = append(file_.get(), end, fresh);
  spoiled_ = !kept.ok() && lseek(file_.get(), 0, SEEK_END) != end;
  RETURN_IF_ERROR(kept);
  kept_ = names_.size();
  return Done{};
}

bool NamesFile::keeps(uint32_t address) const {
  const uint32_t first = names_.window().base + 1;
  return address >= first && address - first < kept_;
}

}  // namespace carrel::gateway
