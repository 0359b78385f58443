#include "broker/service/slices/index_bits.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace carrel::slices {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kTrailer = 20;         // SHA-1
constexpr size_t kFlagsAt = 60;         // 40 bytes of stat data, the object's id
constexpr uint32_t kExtended = 0x4000;  // of the flags: two more bytes follow
constexpr size_t kMaxPathBytes = 4096;  // longer ones are no file's
constexpr uint32_t kStage = 0x3000;
constexpr uint32_t kSkipWorktree = 0x4000;  // of the two more bytes

uint32_t number(std::string_view bytes, size_t at, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put(uint32_t value, size_t width, std::string& out) {
  for (size_t i = width; i > 0; --i)
    out += static_cast<char>(value >> (8 * (i - 1)) & 0xFF);
}

Result<std::string> sha1(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1 ||
      size != kTrailer) {
    return Error{"hash the index", EINVAL};
  }
  return std::string(reinterpret_cast<const char*>(digest.data()), size);
}

/// Whether an entry is at the path or above it.
bool is_covered(const Entries& entries, std::string_view path) {
  for (;;) {
    const auto found = std::lower_bound(
        entries.begin(), entries.end(), path,
        [](const auto& each, std::string_view wanted) { return each.path < wanted; });
    if (found != entries.end() && found->path == path) return true;
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return false;
    path = path.substr(0, slash);
  }
}

class Rewriter {
 public:
  Rewriter(std::string_view index, const Entries& entries) : bytes_(index), entries_(entries) {}
  Result<std::optional<std::string>> run();

 private:
  Status header();
  Status entry();
  /// The path of the entry whose name begins at `at`; moves `at` behind the name and its NUL.
  Status name(size_t* at);
  Status extensions();
  [[nodiscard]] static Error broken() { return Error{"not a whole index of git"}; }
  [[nodiscard]] size_t left() const { return bytes_.size() - at_; }

  std::string_view bytes_;  // from run() on without the trailer
  const Entries& entries_;
  size_t at_ = 0;
  uint32_t version_ = 0;
  uint32_t count_ = 0;
  std::string path_;  // of the last entry
  bool changed_ = false;
  std::string out_;
};

Status Rewriter::header() {
  if (bytes_.size() < kHeader + kTrailer || !bytes_.starts_with("DIRC")) return broken();
  const std::string_view trailer = bytes_.substr(bytes_.size() - kTrailer);
  bytes_.remove_suffix(kTrailer);
  ASSIGN_OR_RETURN(const std::string digest, sha1(bytes_));
  // With index.skipHash git leaves zeros.
  if (trailer != digest && trailer != std::string(kTrailer, '\0')) return broken();
  version_ = number(bytes_, 4, 4);
  count_ = number(bytes_, 8, 4);
  if (version_ < 2 || version_ > 4) return Error{"an index of an unknown version"};
  at_ = kHeader;
  out_ = bytes_.substr(0, kHeader);
  return Done{};
}

Status Rewriter::name(size_t* at) {
  size_t keep = 0;
  if (version_ == 4) {
    // How many bytes to take from the end of the last path: git's offset varint.
    size_t strip = 0;
    for (bool more = true, first = true; more; first = false) {
      if (*at >= bytes_.size() || strip > path_.size()) return broken();
      const auto byte = static_cast<unsigned char>(bytes_[(*at)++]);
      strip = first ? byte & 0x7FU : ((strip + 1) << 7) + (byte & 0x7FU);
      more = (byte & 0x80U) != 0;
    }
    if (strip > path_.size()) return broken();
    keep = path_.size() - strip;
  }
  const size_t end = bytes_.find('\0', *at);
  if (end == std::string_view::npos) return broken();
  path_.resize(keep);
  path_ += bytes_.substr(*at, end - *at);
  if (path_.size() > kMaxPathBytes) return broken();
  *at = end + 1;
  return Done{};
}

Status Rewriter::entry() {
  const size_t begin = at_;
  if (left() < kFlagsAt + 2) return broken();
  uint32_t flags = number(bytes_, begin + kFlagsAt, 2);
  uint32_t more = 0;
  size_t name_at = begin + kFlagsAt + 2;
  if ((flags & kExtended) != 0) {
    if (version_ == 2 || left() < kFlagsAt + 4) return broken();
    more = number(bytes_, name_at, 2);
    name_at += 2;
  }
  size_t end = name_at;
  RETURN_IF_ERROR(name(&end));
  if (version_ != 4) end = begin + ((end - begin + 7) & ~size_t{7});
  if (end > bytes_.size()) return broken();
  at_ = end;
  if ((flags & kStage) == 0 && (more & kSkipWorktree) == 0 && is_covered(entries_, path_)) {
    flags |= kExtended;
    more |= kSkipWorktree;
    changed_ = true;
  }
  const size_t made_at = out_.size();
  out_ += bytes_.substr(begin, kFlagsAt);
  put(flags, 2, out_);
  if ((flags & kExtended) != 0) put(more, 2, out_);
  if (version_ == 4) {
    out_ += bytes_.substr(name_at, end - name_at);
    return Done{};
  }
  out_ += path_;
  const size_t size = out_.size() - made_at;
  out_.append(8 - size % 8, '\0');
  return Done{};
}

Status Rewriter::extensions() {
  while (left() > 0) {
    if (left() < 8) return broken();
    const std::string_view name = bytes_.substr(at_, 4);
    const size_t size = number(bytes_, at_ + 4, 4);
    if (size > left() - 8) return broken();
    const std::string_view whole = bytes_.substr(at_, 8 + size);
    at_ += whole.size();
    if (name == "EOIE" || name == "IEOT") continue;
    if (name == "link")
      return Error{"a split index; make it whole with git update-index --no-split-index"};
    const bool optional = name[0] >= 'A' && name[0] <= 'Z';
    if (!optional && name != "sdir") return Error{"an index with an unknown extension"};
    out_ += whole;
  }
  return Done{};
}

Result<std::optional<std::string>> Rewriter::run() {
  if (bytes_.size() > kMaxIndexBytes) return Error{"an index larger than 256 MiB"};
  RETURN_IF_ERROR(header());
  for (uint32_t i = 0; i < count_; ++i)
    RETURN_IF_ERROR(entry());
  RETURN_IF_ERROR(extensions());
  if (!changed_) return std::optional<std::string>();
  if (version_ == 2) out_[7] = 3;
  ASSIGN_OR_RETURN(const std::string digest, sha1(out_));
  return std::optional(out_ + digest);
}

}  // namespace

Result<std::optional<std::string>> with_skip_worktree(std::string_view index,
                                                      const Entries& entries) {
  return Rewriter(index, entries).run();
}

}  // namespace carrel::slices
