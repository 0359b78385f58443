#include "broker/service/store/file_segment_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "broker/service/store/files.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::store {
namespace {

constexpr unsigned kFileMode = 0644;
constexpr unsigned kFolderMode = 0755;
// Blobs whose sync waits for the next seal; bounds the descriptors one session holds.
constexpr size_t kMaxUnsynced = 32;

}  // namespace

FileSegmentStore::FileSegmentStore(std::string session, Folders folders, UniqueFd seals)
    : writer_(session),
      folders_(std::move(folders)),
      seals_(std::move(seals)),
      tmp_name_(std::move(session)) {}

Status FileSegmentStore::ended(Status status) {
  if (!status.ok() && !broken_.has_value()) broken_ = status.error();
  return status;
}

Status FileSegmentStore::append(std::string_view block) {
  if (broken_.has_value()) return *broken_;
  if (finished_) return Error{"append to a finished record", EINVAL};
  return ended(write_block(block));
}

Status FileSegmentStore::write_block(std::string_view block) {
  if (!writer_.open()) RETURN_IF_ERROR(open_segment());
  const uint64_t before = writer_.size();
  ASSIGN_OR_RETURN(const std::string_view bytes, writer_.append(block));
  segment_dirty_ = true;
  Status written = write_all(segment_.get(), bytes, "segment");
  if (!written.ok()) {
    // Leaves a whole number of blocks, so that what is there can be read to its end.
    (void)!ftruncate(segment_.get(), static_cast<off_t>(before));
    return written;
  }
  if (writer_.full()) RETURN_IF_ERROR(finish_segment());
  return Done{};
}

Status FileSegmentStore::open_segment() {
  const std::string header = writer_.begin();
  ASSIGN_OR_RETURN(segment_, create_file(folders_.record.get(), writer_.name(), kFileMode));
  record_dirty_ = true;
  segment_dirty_ = true;
  return write_all(segment_.get(), header, "segment");
}

Status FileSegmentStore::finish_segment() {
  RETURN_IF_ERROR(write_all(segment_.get(), writer_.finish(), "segment"));
  RETURN_IF_ERROR(sync_data(segment_.get(), "segment"));
  segment_dirty_ = false;
  segment_.reset();
  return Done{};
}

Status FileSegmentStore::append_seal(std::string_view note) {
  if (broken_.has_value()) return *broken_;
  if (finished_) return Error{"append a seal to a finished record", EINVAL};
  return ended(write_seal(note));
}

Status FileSegmentStore::write_seal(std::string_view note) {
  seals_dirty_ = true;
  const off_t before = lseek(seals_.get(), 0, SEEK_END);
  if (before < 0) return errno_error("find the end of the seals");
  if (static_cast<uint64_t>(before) + note.size() > segments::kMaxSealsSize) {
    return Error{"too many seals in one record", EFBIG};
  }
  Status written = write_all(seals_.get(), note, "seal");
  if (!written.ok()) (void)!ftruncate(seals_.get(), before);
  return written;
}

Status FileSegmentStore::sync() {
  if (broken_.has_value()) return *broken_;
  return ended(sync_all());
}

Status FileSegmentStore::sync_all() {
  // Begins writing the seals out, so that they share the segment's journal transaction. Only a
  // hint: what counts is the fdatasync(2) below.
  if (seals_dirty_) (void)sync_file_range(seals_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  if (segment_dirty_ && segment_.valid()) RETURN_IF_ERROR(sync_data(segment_.get(), "segment"));
  segment_dirty_ = false;
  for (const UniqueFd& blob : unsynced_blobs_)
    RETURN_IF_ERROR(sync_data(blob.get(), "blob"));
  unsynced_blobs_.clear();
  if (seals_dirty_) RETURN_IF_ERROR(sync_data(seals_.get(), "seals"));
  seals_dirty_ = false;
  if (blobs_dirty_ && fsync(folders_.blobs.get()) != 0) return errno_error("sync folder of blobs");
  blobs_dirty_ = false;
  if (record_dirty_ && fsync(folders_.record.get()) != 0)
    return errno_error("sync folder of the record");
  record_dirty_ = false;
  if (sessions_dirty_ && fsync(folders_.sessions.get()) != 0)
    return errno_error("sync folder of sessions");
  sessions_dirty_ = false;
  return Done{};
}

Status FileSegmentStore::finish() {
  if (broken_.has_value()) return *broken_;
  if (finished_) return Done{};
  finished_ = true;
  if (writer_.open()) RETURN_IF_ERROR(ended(finish_segment()));
  return ended(sync_all());
}

Status FileSegmentStore::close_with(std::string_view note) {
  if (finished_) return Error{"close a finished record", EINVAL};
  RETURN_IF_ERROR(finish());
  RETURN_IF_ERROR(ended(write_seal(note)));
  return ended(sync_all());
}

Result<bool> FileSegmentStore::put_blob_part(const evidence::Digest& digest, uint64_t offset,
                                             std::string_view bytes, bool last) {
  if (broken_.has_value()) return *broken_;
  if (finished_) return Error{"blob for a finished record", EINVAL};
  Result<bool> taken = take_part(digest, offset, bytes, last);
  if (!taken.ok()) return ended(taken.take_error()).take_error();
  return taken;
}

Result<bool> FileSegmentStore::take_part(const evidence::Digest& digest, uint64_t offset,
                                         std::string_view bytes, bool last) {
  if (bytes.size() > kMaxBlobPart) return Error{"blob part too large", EMSGSIZE};
  if (!incoming_.has_value()) RETURN_IF_ERROR(begin_blob(digest));
  if (incoming_->digest != digest || incoming_->size != offset) {
    return Error{"blob parts out of order", EPROTO};
  }
  if (incoming_->size + bytes.size() > segments::kMaxBlobSize) {
    return Error{"blob too large", EFBIG};
  }
  RETURN_IF_ERROR(write_all(incoming_->file.get(), bytes, "blob"));
  incoming_->sha.update(bytes);
  incoming_->size += bytes.size();
  if (!last) return false;
  RETURN_IF_ERROR(end_blob());
  return true;
}

Status FileSegmentStore::begin_blob(const evidence::Digest& digest) {
  if (blob_count_ >= kMaxBlobs) return Error{"too many blobs in one record", EDQUOT};
  Incoming incoming;
  incoming.digest = digest;
  ASSIGN_OR_RETURN(incoming.file, create_file(folders_.tmp.get(), tmp_name_, kFileMode));
  incoming_ = std::move(incoming);
  return Done{};
}

Status FileSegmentStore::end_blob() {
  const evidence::Digest real = incoming_->sha.finish();
  if (real != incoming_->digest) return Error{"blob has another digest than its name", EPROTO};
  const std::string name = to_hex(evidence::as_view(real));
  if (faccessat(folders_.blobs.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    if (unlinkat(folders_.tmp.get(), tmp_name_.c_str(), 0) != 0) return errno_error("remove blob");
    incoming_.reset();
    return Done{};
  }
  if (renameat(folders_.tmp.get(), tmp_name_.c_str(), folders_.blobs.get(), name.c_str()) != 0) {
    return errno_error("rename blob");
  }
  ++blob_count_;
  blobs_dirty_ = true;
  unsynced_blobs_.push_back(std::move(incoming_->file));
  incoming_.reset();
  if (unsynced_blobs_.size() < kMaxUnsynced) return Done{};
  for (const UniqueFd& blob : unsynced_blobs_)
    RETURN_IF_ERROR(sync_data(blob.get(), "blob"));
  unsynced_blobs_.clear();
  return Done{};
}

Status FileSegmentStore::put_blob(const evidence::Digest& digest, std::string_view content) {
  uint64_t offset = 0;
  while (true) {
    const std::string_view part = content.substr(offset, kMaxBlobPart);
    const bool last = offset + part.size() == content.size();
    ASSIGN_OR_RETURN(const bool stored, put_blob_part(digest, offset, part, last));
    if (stored) return Done{};
    offset += part.size();
  }
}

Result<RecordFolder> RecordFolder::open(int store_fd) {
  ASSIGN_OR_RETURN(UniqueFd sessions, make_folder(store_fd, "sessions", 0700));
  ASSIGN_OR_RETURN(UniqueFd tmp, make_folder(store_fd, "tmp", 0700));
  std::vector<std::string> left;
  RETURN_IF_ERROR(list_folder(tmp.get(), [&](const std::string& name) { left.push_back(name); }));
  for (const std::string& name : left) {
    if (unlinkat(tmp.get(), name.c_str(), 0) != 0) return errno_error("empty tmp");
  }
  return RecordFolder(std::move(sessions), std::move(tmp));
}

Result<std::unique_ptr<FileSegmentStore>> RecordFolder::create(const std::string& session) {
  if (!is_ulid(session)) return Error{"record: not a session id", EINVAL};
  if (mkdirat(sessions_.get(), session.c_str(), kFolderMode) != 0) {
    return errno_error("make record " + session);
  }
  FileSegmentStore::Folders folders;
  ASSIGN_OR_RETURN(folders.record, make_folder(sessions_.get(), session, kFolderMode));
  ASSIGN_OR_RETURN(folders.blobs, make_folder(folders.record.get(),
                                              std::string(segments::kBlobsName), kFolderMode));
  ASSIGN_OR_RETURN(UniqueFd seals,
                   create_file(folders.record.get(), std::string(segments::kSealsName), kFileMode));
  folders.tmp.reset(fcntl(tmp_.get(), F_DUPFD_CLOEXEC, 0));
  folders.sessions.reset(fcntl(sessions_.get(), F_DUPFD_CLOEXEC, 0));
  if (!folders.tmp.valid() || !folders.sessions.valid()) return errno_error("duplicate descriptor");
  return std::unique_ptr<FileSegmentStore>(
      new FileSegmentStore(session, std::move(folders), std::move(seals)));  // NOLINT: private
}

Result<UniqueFd> RecordFolder::open_record(const std::string& session) const {
  if (!is_ulid(session)) return Error{"record: not a session id", EINVAL};
  UniqueFd record(
      openat(sessions_.get(), session.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!record.valid()) return errno_error("open record " + session);
  return record;
}

Result<std::vector<std::string>> RecordFolder::sessions() const {
  std::vector<std::string> ids;
  RETURN_IF_ERROR(list_folder(sessions_.get(), [&](const std::string& name) {
    if (is_ulid(name)) ids.push_back(name);
  }));
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace carrel::store
