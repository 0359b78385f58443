#include "broker/wire/manifest/lookup.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "broker/wire/manifest/pieces.h"

namespace carrel::manifest {
namespace {

constexpr size_t kMaxRecord = 4352;  // a path of 4,096 bytes, and the fields before it
constexpr size_t kWindow = 4 * kMaxRecord;

Error wrong(const char* what) {
  return Error{std::string("manifest: ") + what};
}

/// At a read-only entry or below it.
bool is_covered(const std::vector<ReadOnlyEntry>& entries, std::string_view path) {
  const auto comes_before = [](const ReadOnlyEntry& each, std::string_view wanted) {
    return each.path < wanted;
  };
  while (!path.empty()) {
    const auto found = std::lower_bound(entries.begin(), entries.end(), path, comes_before);
    if (found != entries.end() && found->path == path) return true;
    const size_t slash = path.rfind('/');
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return false;
}

}  // namespace

Result<Lookup> Lookup::open(int fd) {
  struct stat what {};
  if (fstat(fd, &what) != 0) return errno_error("look at the manifest");
  const auto size = static_cast<size_t>(what.st_size);
  if (!S_ISREG(what.st_mode) || size > kMaxManifestBytes) return wrong("no file of its size");
  Lookup lookup(fd);
  ASSIGN_OR_RETURN(Head head, read_manifest_head(fd));
  lookup.head_ = std::move(head.manifest);
  lookup.begin_ = head.bytes;
  ASSIGN_OR_RETURN(lookup.end_, lookup.find_end(size));
  return lookup;
}

Result<size_t> Lookup::find_end(size_t size) {
  const size_t from = std::max(begin_, size - std::min(size, size_t{32}));
  ASSIGN_OR_RETURN(const std::string_view tail, bytes_at(from));
  if (tail.size() < 2 || tail.back() != '\0') return wrong("no proper end");
  const size_t nul = tail.substr(0, tail.size() - 1).rfind('\0');
  const size_t last = nul == std::string_view::npos ? 0 : nul + 1;
  if (!tail.substr(last).starts_with("end ")) return wrong("no proper end");
  return from + last;
}

Result<std::string_view> Lookup::bytes_at(size_t at) {
  const size_t window_end = window_at_ + window_.size();
  const bool has = at >= window_at_ && at < window_end &&
                   (window_end - at >= kMaxRecord || window_end >= end_) && end_ != 0;
  if (!has) {
    window_.resize(kWindow);
    window_at_ = at;
    ASSIGN_OR_RETURN(const size_t got, read_at(fd_, at, window_.data(), window_.size()));
    window_.resize(got);
  }
  return std::string_view(window_).substr(at - window_at_);
}

Result<Lookup::Record> Lookup::around(size_t from, size_t at) {
  const size_t low = std::max(from, at - std::min(at, kMaxRecord));
  ASSIGN_OR_RETURN(const std::string_view bytes, bytes_at(low));
  const size_t nul = bytes.substr(0, at - low).rfind('\0');
  if (nul == std::string_view::npos && low != from) return wrong("a record is too long");
  Record record;
  record.begin = nul == std::string_view::npos ? from : low + nul + 1;
  ASSIGN_OR_RETURN(const std::string_view rest, bytes_at(record.begin));
  const size_t length = rest.find('\0');
  if (length == std::string_view::npos) return wrong("a record is too long");
  record.end = record.begin + length + 1;
  if (record.end > end_) return wrong("breaks off");
  record.text = rest.substr(0, length);
  return record;
}

/// "file MODE SIZE SHA256 PATH": behind the fourth space; of anything else something that is only
/// compared.
std::string_view Lookup::Record::path() const {
  size_t at = 0;
  for (int i = 0; i < 4 && at <= text.size(); ++i)
    at = std::min(text.find(' ', at), text.size()) + 1;
  return std::string_view(text).substr(std::min(at, text.size()));
}

Result<File> Lookup::file_of(const Record& record) const {
  ASSIGN_OR_RETURN(File file, parse_file_record(record.text));
  if (is_covered(head_.read_only, file.path)) return wrong("below a read-only entry");
  return file;
}

Result<size_t> Lookup::lower_bound(std::string_view path) {
  size_t low = begin_;
  size_t high = end_;
  while (low < high) {
    ASSIGN_OR_RETURN(const Record middle, around(low, low + (high - low) / 2));
    if (middle.path() < path) {
      low = middle.end;
    } else {
      high = middle.begin;
    }
  }
  return low;
}

Result<std::optional<File>> Lookup::first_below(const std::string& folder) {
  const std::string prefix = folder.empty() ? "" : folder + "/";
  ASSIGN_OR_RETURN(const size_t at, lower_bound(prefix));
  if (at >= end_) return std::optional<File>();
  ASSIGN_OR_RETURN(const Record record, around(at, at));
  if (!record.path().starts_with(prefix)) return std::optional<File>();
  ASSIGN_OR_RETURN(File file, file_of(record));
  return std::optional(std::move(file));
}

Status Lookup::add_within(const std::string& path, std::vector<File>& files) {
  const auto add_while = [&](const std::string& first, const auto& is_wanted) -> Status {
    ASSIGN_OR_RETURN(size_t at, lower_bound(first));
    std::string before;
    while (at < end_) {
      ASSIGN_OR_RETURN(const Record record, around(at, at));
      if (!is_wanted(record.path())) return Done{};
      if (record.path() <= before) return wrong("out of order");
      if (files.size() >= kMaxFiles) return wrong("too many files");
      before = record.path();
      ASSIGN_OR_RETURN(File file, file_of(record));
      files.push_back(std::move(file));
      at = record.end;
    }
    return Done{};
  };
  RETURN_IF_ERROR(add_while(path, [&](std::string_view each) { return each == path; }));
  const std::string prefix = path + "/";
  return add_while(prefix, [&](std::string_view each) { return each.starts_with(prefix); });
}

}  // namespace carrel::manifest
