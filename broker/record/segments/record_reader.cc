#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "broker/record/segments/store.h"
#include "profiles/base/text.h"

namespace carrel::segments {
namespace {

constexpr size_t kMaxFiles = 100000;
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

/// The names in a directory, sorted, without "." and "..".
Result<std::vector<std::string>> names_in(int dir_fd, const char* name) {
  const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno_error("open record directory " + std::string(name));
  const std::unique_ptr<DIR, CloseDir> dir(fdopendir(fd));
  if (dir == nullptr) {
    close(fd);
    return errno_error("list record directory");
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view found = entry->d_name;
    if (found == "." || found == "..") continue;
    if (names.size() == kMaxFiles) return Error{"record has more than 100000 files in a directory"};
    names.emplace_back(found);
    errno = 0;
  }
  if (errno != 0) return errno_error("list record directory");
  std::sort(names.begin(), names.end());
  return names;
}

/// The index of "NNNNNN.seg", 0 for any other name.
uint32_t segment_index(const std::string& name) {
  if (name.size() != 10 || !name.ends_with(".seg")) return 0;
  uint32_t index = 0;
  for (size_t i = 0; i < 6; ++i) {
    if (name[i] < '0' || name[i] > '9') return 0;
    index = index * 10 + static_cast<uint32_t>(name[i] - '0');
  }
  return index;
}

bool is_blob_name(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Calls `take` with piece after piece of the file, at most limit bytes in all.
template <typename Take>
Status read_pieces(int fd, const std::string& name, uint64_t limit, const Take& take) {
  std::string buffer(128U << 10, '\0');
  uint64_t total = 0;
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read " + name);
    if (got == 0) return Done{};
    total += static_cast<uint64_t>(got);
    if (total > limit) return Error{name + " is larger than allowed"};
    take(std::string_view(buffer).substr(0, static_cast<size_t>(got)));
  }
}

Error at_offset(const Error& error, const std::string& file, uint64_t offset) {
  return Error{file + " at byte " + std::to_string(offset) + ": " + error.what};
}

/// One walk over the events of a record.
struct Visit {
  const std::function<bool(const events::Event&)>& visit;
  uint64_t first_seq;
  BlockDecoder decoder;
  bool stopped = false;

  /// The events of one block, from first_seq on.
  Status read_events(std::string_view block) {
    RecordView record;
    if (auto size = decoder.open(block); !size.ok()) return size.take_error();
    while (!stopped) {
      ASSIGN_OR_RETURN(const bool more, decoder.next(&record));
      if (!more) break;
      if (record.seq < first_seq) continue;
      ASSIGN_OR_RETURN(const carrel::events::Event event, to_event(record));
      stopped = !visit(event);
    }
    return Done{};
  }

  Status blocks(const std::string& name, SegmentReader* segment) {
    while (!stopped) {
      const uint64_t offset = segment->offset();
      const auto block = segment->next_block();
      if (!block.ok()) return at_offset(block.error(), name, offset);
      if (!block.value()) break;
      if (segment->next_seq() <= first_seq) continue;
      if (auto read = read_events(*block.value()); !read.ok())
        return at_offset(read.error(), name, offset);
    }
    return Done{};
  }
};

}  // namespace

Result<RecordReader> RecordReader::open(int record_dir_fd) {
  UniqueFd dir(openat(record_dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return errno_error("open record directory");
  RecordReader reader(std::move(dir));
  RETURN_IF_ERROR(reader.list());
  return reader;
}

Status RecordReader::list() {
  ASSIGN_OR_RETURN(const auto names, names_in(dir_.get(), "."));
  bool has_blobs = false;
  for (const std::string& name : names) {
    if (const uint32_t index = segment_index(name); index != 0)
      files_.segments.push_back(index);
    else if (name == kSealsName)
      files_.has_seals = true;
    else if (name == kBlobsName)
      has_blobs = true;
    else
      files_.unknown.push_back(name);
  }
  if (has_blobs) RETURN_IF_ERROR(list_blobs());
  std::sort(files_.unknown.begin(), files_.unknown.end());
  return Done{};
}

Status RecordReader::list_blobs() {
  auto names = names_in(dir_.get(), "blobs");
  if (!names.ok()) {
    files_.unknown.emplace_back(kBlobsName);
    return Done{};
  }
  for (const std::string& name : names.value()) {
    if (is_blob_name(name))
      files_.blobs.push_back(name);
    else
      files_.unknown.push_back("blobs/" + name);
  }
  return Done{};
}

Result<UniqueFd> RecordReader::open_file(const std::string& name, uint64_t limit) const {
  const size_t slash = name.find('/');
  UniqueFd folder;
  int folder_fd = dir_.get();
  std::string leaf = name;
  if (slash != std::string::npos) {
    const std::string parent = name.substr(0, slash);
    leaf = name.substr(slash + 1);
    if (parent != kBlobsName || leaf.find('/') != std::string::npos)
      return Error{"no file of a record: " + quoted(name)};
    folder.reset(openat(dir_.get(), parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder.valid()) return errno_error("open " + parent);
    folder_fd = folder.get();
  }
  if (leaf.empty() || leaf == "." || leaf == "..")
    return Error{"no file of a record: " + quoted(name)};
  UniqueFd file(openat(folder_fd, leaf.c_str(), kReadFlags));
  if (!file.valid()) return errno_error("open " + quoted(name));
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) return errno_error("stat " + quoted(name));
  if (!S_ISREG(info.st_mode)) return Error{quoted(name) + " is not a regular file"};
  if (static_cast<uint64_t>(info.st_size) > limit)
    return Error{quoted(name) + " is larger than allowed"};
  return file;
}

Result<std::string> RecordReader::read(const std::string& name, uint64_t limit) const {
  ASSIGN_OR_RETURN(const UniqueFd file, open_file(name, limit));
  std::string bytes;
  RETURN_IF_ERROR(
      read_pieces(file.get(), name, limit, [&](std::string_view piece) { bytes += piece; }));
  return bytes;
}

Result<std::string> RecordReader::read_blob(std::string_view sha256_hex) const {
  if (!is_blob_name(sha256_hex)) return Error{"not the name of a blob"};
  return read("blobs/" + std::string(sha256_hex), kMaxBlobSize);
}

Result<evidence::Digest> RecordReader::hash(const std::string& name, uint64_t limit) const {
  ASSIGN_OR_RETURN(const UniqueFd file, open_file(name, limit));
  evidence::Sha256 sha;
  RETURN_IF_ERROR(
      read_pieces(file.get(), name, limit, [&](std::string_view piece) { sha.update(piece); }));
  return sha.finish();
}

/// The position in files_.segments of the last segment that begins at or before `seq`.
Result<size_t> RecordReader::first_segment_for(uint64_t seq) const {
  size_t found = 0;
  for (size_t i = 1; seq > 0 && i < files_.segments.size(); ++i) {
    const std::string name = segment_name(files_.segments[i]);
    ASSIGN_OR_RETURN(const UniqueFd file, open_file(name, kMaxSegmentSize));
    std::string head(kSegmentHeaderSize, '\0');
    if (pread(file.get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) break;
    ASSIGN_OR_RETURN(const SegmentHeader header, parse_segment_header(head));
    if (header.first_seq > seq) break;
    found = i;
  }
  return found;
}

Result<RecordReader::Summary> RecordReader::for_each(
    const std::function<bool(const events::Event&)>& visit, uint64_t first_seq) const {
  Summary summary;
  Visit pass{visit, first_seq, BlockDecoder(Hashing::kNone)};
  ASSIGN_OR_RETURN(const size_t start, first_segment_for(first_seq));
  for (size_t i = start; i < files_.segments.size() && !pass.stopped; ++i) {
    const auto index = static_cast<uint32_t>(i + 1);
    const std::string name = segment_name(index);
    if (files_.segments[i] != index) return Error{name + " is missing"};
    ASSIGN_OR_RETURN(const std::string bytes, read(name, kMaxSegmentSize));
    auto opened = SegmentReader::open(bytes);
    if (!opened.ok()) return at_offset(opened.error(), name, 0);
    SegmentReader segment = opened.take();
    const bool has_header = bytes.size() >= kSegmentHeaderSize;
    if (has_header && (segment.header().index != index ||
                       (i > start && segment.header().first_seq != summary.events)))
      return Error{name + " does not continue the record"};
    RETURN_IF_ERROR(pass.blocks(name, &segment));
    if (has_header) summary.events = segment.next_seq();
    if (pass.stopped || segment.ending() == Ending::kTrailer) continue;
    if (index != files_.segments.size()) return Error{name + " has no trailer"};
    summary.unfinished = true;
    if (segment.ending() == Ending::kBrokenOff)
      summary.note = name + " breaks off at byte " + std::to_string(segment.offset());
  }
  if (files_.segments.empty()) summary.unfinished = true;
  return summary;
}

Result<std::vector<RecordReader::StoredSeal>> RecordReader::seals() const {
  std::vector<StoredSeal> out;
  if (!files_.has_seals) return out;
  ASSIGN_OR_RETURN(const std::string bytes, read(std::string(kSealsName), kMaxSealsSize));
  for (const auto& entry : evidence::split_notes(bytes).notes) {
    auto note = evidence::parse_note(entry.bytes);
    if (!note.ok()) return at_offset(note.error(), std::string(kSealsName), entry.offset);
    auto seal = evidence::parse_seal(note.value().text);
    if (!seal.ok()) return at_offset(seal.error(), std::string(kSealsName), entry.offset);
    out.push_back({entry.offset, note.take(), seal.take()});
  }
  return out;
}

}  // namespace carrel::segments
