#pragma once
// Where a record lives: the small interface a store must offer, and the reader of a record
// directory.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/record/evidence/note.h"
#include "broker/record/evidence/seal.h"
#include "broker/record/segments/segment.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::segments {

constexpr std::string_view kSealsName = "seals.notes";
constexpr std::string_view kBlobsName = "blobs";
constexpr uint64_t kMaxSealsSize = 256U << 20;
constexpr uint64_t kMaxBlobSize = 64U << 20;

/// Where the broker puts what a session sends: local files now, an object store later. One object
/// per session. After an error of sync() or finish() the session's evidence is broken: end it,
/// never retry.
class SegmentStore {
 public:
  virtual ~SegmentStore() = default;
  SegmentStore(const SegmentStore&) = delete;
  SegmentStore& operator=(const SegmentStore&) = delete;

  /// Appends one block, opening and finishing segments as needed.
  virtual Status append(std::string_view block) = 0;
  /// Appends one complete note to the seals.
  virtual Status append_seal(std::string_view note) = 0;
  /// Stores content under the SHA-256 that it must have; storing it again is no error.
  virtual Status put_blob(const evidence::Digest& digest, std::string_view content) = 0;
  /// Everything appended so far is durable when this returns.
  virtual Status sync() = 0;
  /// Finishes the last segment and syncs. Nothing can be appended after.
  virtual Status finish() = 0;

 protected:
  SegmentStore() = default;
};

/// What a record's directory holds, by name only.
struct RecordFiles {
  std::vector<uint32_t> segments;  // the indexes of NNNNNN.seg, sorted
  bool has_seals = false;
  std::vector<std::string> blobs;    // hex names, sorted
  std::vector<std::string> unknown;  // anything else, also blobs with other names, sorted
};

/// Reads a record directory through its descriptor: openat(2) of regular files beneath it only, no
/// symlinks, bounded sizes. Opening reads nothing but names.
class RecordReader {
 public:
  /// Borrows and duplicates `record_dir_fd`. At most 100,000 blobs.
  static Result<RecordReader> open(int record_dir_fd);

  [[nodiscard]] const RecordFiles& files() const { return files_; }
  /// The bytes of a file of the record; `name` may be "blobs/<hex>".
  [[nodiscard]] Result<std::string> read(const std::string& name, uint64_t limit) const;
  [[nodiscard]] Result<std::string> read_blob(std::string_view sha256_hex) const;
  /// The SHA-256 of a file of the record, read in pieces.
  [[nodiscard]] Result<evidence::Digest> hash(const std::string& name, uint64_t limit) const;

  struct Summary {
    uint64_t events = 0;
    bool unfinished = false;  // the last segment has no trailer: the session lives, or broke
    std::string note;         // in words, when the last segment broke off within a block
  };
  /// Calls `visit` for every stored event in order, until it answers false. `first_seq` skips whole
  /// segments and blocks. A damaged record is an Error that names file and offset; a last segment
  /// that is not finished is none.
  [[nodiscard]] Result<Summary> for_each(const std::function<bool(const events::Event&)>& visit,
                                         uint64_t first_seq = 0) const;

  struct StoredSeal {
    uint64_t offset = 0;
    evidence::Note note;
    evidence::Seal seal;
  };
  /// Every complete seal, unverified. A last one that breaks off is left out.
  [[nodiscard]] Result<std::vector<StoredSeal>> seals() const;

 private:
  explicit RecordReader(UniqueFd dir) : dir_(std::move(dir)) {}
  Status list();
  Status list_blobs();
  [[nodiscard]] Result<UniqueFd> open_file(const std::string& name, uint64_t limit) const;
  [[nodiscard]] Result<size_t> first_segment_for(uint64_t seq) const;
  UniqueFd dir_;
  RecordFiles files_;
};

}  // namespace carrel::segments
