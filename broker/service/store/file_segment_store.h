#pragma once
// The records of a standalone broker as files:
// sessions/<ulid>/{000001.seg…,seals.notes,blobs/<hex>}. The first error of a record ends it: its
// evidence is broken, and nothing is tried again, because after a failed fsync(2) the page cache
// may claim what the disk does not have.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "broker/record/segments/segment.h"
#include "broker/record/segments/store.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::store {

/// Most blobs one record takes, and the largest part of one.
inline constexpr size_t kMaxBlobs = 100'000;
inline constexpr size_t kMaxBlobPart = size_t{1} << 20;

/// The record of one session being written. Not thread-safe.
class FileSegmentStore final : public segments::SegmentStore {
 public:
  Status append(std::string_view block) override;
  /// The note is written, not yet durable: sync().
  Status append_seal(std::string_view note) override;
  Status put_blob(const evidence::Digest& digest, std::string_view content) override;
  Status sync() override;
  Status finish() override;

  /// The last seal of a record: finishes the last segment, makes all of it durable, then appends
  /// the note and makes that durable. Nothing can be appended after.
  Status close_with(std::string_view note);

  /// The next part of a blob. Parts come in order, one blob at a time; true with the last one, when
  /// the content had the digest it was named by. A refused part (wrong order, too large, another
  /// digest) is an Error like all others.
  Result<bool> put_blob_part(const evidence::Digest& digest, uint64_t offset,
                             std::string_view bytes, bool last);

 private:
  friend class RecordFolder;
  struct Incoming {
    evidence::Digest digest{};
    UniqueFd file;
    uint64_t size = 0;
    evidence::Sha256 sha;
  };
  struct Folders {
    UniqueFd sessions, record, blobs, tmp;
  };
  FileSegmentStore(std::string session, Folders folders, UniqueFd seals);

  Status write_block(std::string_view block);
  Status open_segment();
  Status finish_segment();
  Status sync_all();
  Status write_seal(std::string_view note);
  Result<bool> take_part(const evidence::Digest& digest, uint64_t offset, std::string_view bytes,
                         bool last);
  Status begin_blob(const evidence::Digest& digest);
  Status end_blob();
  /// Remembers the first error and answers it for ever after.
  Status ended(Status status);

  segments::SegmentWriter writer_;
  Folders folders_;
  UniqueFd seals_, segment_;
  std::string tmp_name_;
  std::optional<Incoming> incoming_;
  std::vector<UniqueFd> unsynced_blobs_;
  std::optional<Error> broken_;
  size_t blob_count_ = 0;
  bool segment_dirty_ = false, seals_dirty_ = false, blobs_dirty_ = false;
  bool record_dirty_ = true, sessions_dirty_ = true;
  bool finished_ = false;
};

/// All records of one store, beneath one directory descriptor; no path is opened through a symlink.
class RecordFolder {
 public:
  /// Makes `sessions` and `tmp` below the store (borrowed) where they are missing and empties
  /// `tmp`.
  static Result<RecordFolder> open(int store_fd);

  /// A new, empty record; EEXIST when there is one. `session` is a ULID. It is durable with the
  /// record's first sync().
  Result<std::unique_ptr<FileSegmentStore>> create(const std::string& session);
  /// The record's directory for reading. Its files are readable to whoever holds it; the store's
  /// own folder is closed to others.
  [[nodiscard]] Result<UniqueFd> open_record(const std::string& session) const;
  /// The ids of all records, sorted.
  [[nodiscard]] Result<std::vector<std::string>> sessions() const;

 private:
  RecordFolder(UniqueFd sessions, UniqueFd tmp)
      : sessions_(std::move(sessions)), tmp_(std::move(tmp)) {}
  UniqueFd sessions_, tmp_;
};

}  // namespace carrel::store
