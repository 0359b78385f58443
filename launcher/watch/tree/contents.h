#pragma once
// Reads, hashes and hands over the contents on both sides of a change, one at a time and bounded.

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "broker/record/events/event.h"
#include "broker/record/evidence/sha256.h"
#include "launcher/watch/tree/difference.h"

namespace carrel::tree {

/// Most bytes read of what the contractor gave its size: holes cost nothing to make and would
/// otherwise hold up the end of a session for minutes. What does not fit is reported with a note.
/// Files that have the size of the manifest are read in any case: it bounds them.
inline constexpr uint64_t kMaxRead = uint64_t{2} << 30;

/// git's mode for a regular file or link (100644, 100755, 120000); of others only the kind.
uint32_t git_mode(mode_t mode);

/// What to do with a file larger than kMaxContent.
enum class Large { kSizeOnly, kHash };

/// One thread. Nothing read here is ever changed, not even to make it readable.
class Contents {
 public:
  Contents(const Tree& tree, const Limits& limits, const ContentSink& sink)
      : pristine_fd_(tree.pristine_fd), left_(limits.max_content_total), sink_(sink) {}

  /// Fills the after_ fields for what stands at `name`, and a note where there is no digest. Opens
  /// only what `seen` says to be a regular file.
  void read_after(int folder_fd, const std::string& name, const struct stat& seen, Large large,
                  events::FileChanged& change);
  /// Hands over what read_after() has just read.
  Status keep_after(events::FileChanged& change);
  /// Fills the before_ fields and hands over those contents.
  Status keep_before(const manifest::File& file, events::FileChanged& change);

 private:
  void read_file(int folder_fd, const std::string& name, const struct stat& seen,
                 events::FileChanged& change);
  void read_link(int folder_fd, const std::string& name, events::FileChanged& change);
  /// Hashes up to `bytes` bytes; content_ holds them all where they are at most kMaxContent. False
  /// when reading fails.
  bool hash(int fd, uint64_t bytes, std::string* sha256, uint64_t* got);
  /// Whether keep() would hand over so many bytes; notes it where not.
  bool fits(uint64_t bytes, events::FileChanged& change) const;
  Status keep(const std::string& sha256, events::FileChanged& change);

  int pristine_fd_;
  uint64_t left_;
  uint64_t read_left_ = kMaxRead;
  const ContentSink& sink_;
  evidence::Sha256 sha_;
  std::string content_;
  std::unordered_set<std::string> kept_;
};

}  // namespace carrel::tree
