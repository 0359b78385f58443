#include "broker/wire/manifest/manifest.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>

#include "broker/wire/manifest/pieces.h"
#include "profiles/base/paths.h"
#include "profiles/base/text.h"

namespace carrel::manifest {
namespace {

constexpr std::string_view kMagic = "carrel-manifest 1";
constexpr size_t kDigestBytes = 32;
constexpr size_t kFirstPiece = 4096;  // holds the head of most manifests

bool is_object_id(std::string_view text) {
  if (text.size() != 40 && text.size() != 64) return false;
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// At `parent` or below it, by components.
bool is_below(std::string_view path, std::string_view parent) {
  return path.starts_with(parent) && (path.size() == parent.size() || path[parent.size()] == '/');
}

template <typename T>
std::optional<T> number(std::string_view text, int base) {
  T value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string mode_text(uint32_t mode) {
  std::array<char, 8> text{};
  (void)snprintf(text.data(), text.size(), "%06o", mode);
  return text.data();
}

Status check_path(std::string_view path) {
  const auto parsed = RelPath::parse(path);
  if (!parsed.ok()) return Error{parsed.error().what};
  if (is_below(path, ".git")) return Error{"below .git"};
  return Done{};
}

Result<File> parse_file(std::string_view record) {
  constexpr std::string_view kWord = "file ";
  if (!record.starts_with(kWord)) return Error{"not a file"};
  record.remove_prefix(kWord.size());
  const size_t mode_end = record.find(' ');
  const size_t size_end = record.find(' ', mode_end + 1);
  const size_t digest_end = record.find(' ', size_end + 1);
  if (mode_end == std::string_view::npos || size_end == std::string_view::npos ||
      digest_end == std::string_view::npos) {
    return Error{"too few fields"};
  }
  const auto mode = number<uint32_t>(record.substr(0, mode_end), 8);
  const auto size = number<uint64_t>(record.substr(mode_end + 1, size_end - mode_end - 1), 10);
  const auto digest = from_hex(record.substr(size_end + 1, digest_end - size_end - 1));
  if (!mode || (*mode != 0100644 && *mode != 0100755 && *mode != 0120000)) return Error{"bad mode"};
  if (!size || !digest || digest->size() != kDigestBytes) return Error{"bad size or digest"};
  File file{std::string(record.substr(digest_end + 1)), *mode, *size, *digest};
  // Only one spelling of each number and digest is accepted.
  if (record.substr(0, digest_end) !=
      mode_text(*mode) + " " + std::to_string(*size) + " " + to_hex(*digest)) {
    return Error{"not spelled canonically"};
  }
  RETURN_IF_ERROR(check_path(file.path));
  return file;
}

class Parser {
 public:
  explicit Parser(std::string_view bytes) : rest_(bytes) {}

  Result<Manifest> head();
  Result<Manifest> all();
  [[nodiscard]] size_t left() const { return rest_.size(); }

 private:
  [[nodiscard]] Error wrong(const std::string& what) const {
    return Error{"manifest: record " + std::to_string(record_) + ": " + what};
  }
  /// The next record without its NUL; nothing where the bytes break off.
  std::optional<std::string_view> take();
  Status take_id(std::string_view word, std::string* id);
  Status take_read_only(std::string_view record);
  Status take_file(std::string_view record);

  std::string_view rest_;
  size_t record_ = 0;
  Manifest out_;
};

std::optional<std::string_view> Parser::take() {
  const size_t end = rest_.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view record = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  ++record_;
  return record;
}

Status Parser::take_id(std::string_view word, std::string* id) {
  const auto record = take();
  if (!record || !record->starts_with(word)) return wrong("not what must stand here");
  const std::string_view value = record->substr(word.size());
  if (!is_object_id(value)) return wrong("not an object id");
  *id = value;
  return Done{};
}

Status Parser::take_read_only(std::string_view record) {
  record.remove_prefix(std::string_view("readonly ").size());
  ReadOnlyEntry entry;
  entry.folder = record.starts_with("folder ");
  if (!entry.folder && !record.starts_with("file ")) return wrong("neither folder nor file");
  entry.path = record.substr(record.find(' ') + 1);
  const std::vector<ReadOnlyEntry>& list = out_.read_only;
  const Status good = check_path(entry.path);
  if (!good.ok()) return wrong(good.error().what);
  if (!list.empty() && entry.path <= list.back().path) return wrong("out of order");
  for (const ReadOnlyEntry& other : list) {
    if (is_below(entry.path, other.path)) return wrong("below another entry");
  }
  if (list.size() >= kMaxReadOnlyEntries) return wrong("too many read-only entries");
  out_.read_only.push_back(std::move(entry));
  return Done{};
}

Status Parser::take_file(std::string_view record) {
  Result<File> parsed = parse_file(record);
  if (!parsed.ok()) return wrong(parsed.error().what);
  File file = parsed.take();
  const std::vector<File>& list = out_.files;
  if (!list.empty() && file.path <= list.back().path) return wrong("out of order");
  for (const ReadOnlyEntry& entry : out_.read_only) {
    if (is_below(file.path, entry.path)) return wrong("below a read-only entry");
  }
  if (list.size() >= kMaxFiles) return wrong("too many files");
  out_.files.push_back(std::move(file));
  return Done{};
}

Result<Manifest> Parser::head() {
  const auto magic = take();
  if (!magic || *magic != kMagic) return wrong("not a manifest of this version");
  RETURN_IF_ERROR(take_id("commit ", &out_.commit));
  RETURN_IF_ERROR(take_id("source ", &out_.source));
  while (rest_.starts_with("readonly ")) {
    const auto record = take();
    if (!record) return wrong("breaks off");
    RETURN_IF_ERROR(take_read_only(*record));
  }
  if (!rest_.starts_with("file ") && !rest_.starts_with("end ")) {
    return wrong("neither files nor the end follow");
  }
  return std::move(out_);
}

Result<Manifest> Parser::all() {
  ASSIGN_OR_RETURN(out_, head());
  while (rest_.starts_with("file ")) {
    const auto record = take();
    if (!record) return wrong("breaks off");
    RETURN_IF_ERROR(take_file(*record));
  }
  const auto end = take();
  if (!end || *end != "end " + std::to_string(out_.files.size())) return wrong("no proper end");
  if (!rest_.empty()) return wrong("something after the end");
  return std::move(out_);
}

}  // namespace

std::string format_manifest(const Manifest& manifest) {
  std::string out;
  const auto put = [&out](std::string_view record) {
    out += record;
    out += '\0';
  };
  put(kMagic);
  put("commit " + manifest.commit);
  put("source " + manifest.source);
  for (const ReadOnlyEntry& entry : manifest.read_only) {
    put((entry.folder ? "readonly folder " : "readonly file ") + entry.path);
  }
  for (const File& file : manifest.files) {
    put("file " + mode_text(file.mode) + " " + std::to_string(file.size) + " " +
        to_hex(file.sha256) + " " + file.path);
  }
  put("end " + std::to_string(manifest.files.size()));
  return out;
}

Result<Manifest> parse_manifest(std::string_view bytes) {
  if (bytes.size() > kMaxManifestBytes) return Error{"manifest: larger than 256 MiB"};
  return Parser(bytes).all();
}

Result<Manifest> parse_manifest_head(std::string_view bytes) {
  return Parser(bytes.substr(0, kMaxHeadBytes)).head();
}

Result<Manifest> read_manifest(int fd) {
  struct stat what {};
  if (fstat(fd, &what) != 0) return errno_error("look at the manifest");
  const auto size = static_cast<uint64_t>(what.st_size);
  if (size > kMaxManifestBytes) return Error{"the manifest is too large", EFBIG};
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, read_at(fd, 0, bytes.data(), bytes.size()));
  bytes.resize(got);
  return parse_manifest(bytes);
}

Result<Head> read_manifest_head(int fd) {
  std::string bytes;
  for (size_t wanted = kFirstPiece;; wanted *= 2) {
    const size_t before = bytes.size();
    bytes.resize(std::min(wanted, kMaxHeadBytes));
    ASSIGN_OR_RETURN(const size_t got,
                     read_at(fd, before, bytes.data() + before, bytes.size() - before));
    const bool whole = before + got < bytes.size() || bytes.size() == kMaxHeadBytes;
    bytes.resize(before + got);
    Parser parser(bytes);
    Result<Manifest> head = parser.head();
    if (head.ok()) return Head{head.take(), bytes.size() - parser.left()};
    if (whole) return head.take_error();
  }
}

Result<File> parse_file_record(std::string_view record) {
  Result<File> file = parse_file(record);
  if (!file.ok()) return Error{"manifest: " + file.error().what};
  return file;
}

}  // namespace carrel::manifest
