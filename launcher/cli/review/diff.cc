#include <algorithm>
#include <optional>

#include "broker/record/replay/plain.h"
#include "broker/record/segments/store.h"
#include "launcher/cli/review/text_diff.h"
#include "launcher/cli/review/verbs.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr std::string_view kWorkspaces = "/workspaces";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kPlain = "\x1b[0m";

/// Which paths are asked for; "" are all.
class PathFilter {
 public:
  explicit PathFilter(std::string path) : path_(std::move(path)) {
    while (path_.size() > 1 && path_.ends_with('/'))
      path_.pop_back();
    if (!path_.empty() && path_[0] != '/') path_ = std::string(kWorkspaces) + "/" + path_;
  }
  [[nodiscard]] bool passes(const std::string& changed) const {
    if (path_.empty() || path_ == "/" || changed == path_) return true;
    return changed.size() > path_.size() && changed.starts_with(path_) &&
           changed[path_.size()] == '/';
  }

 private:
  std::string path_;
};

/// A content as the record has it, or why it has not.
struct Content {
  std::string bytes;
  std::string missing;
};

class Printer {
 public:
  Printer(const segments::RecordReader& record, Colour colour, Output output)
      : record_(record), colour_(colour), output_(output) {}

  /// False where the difference could not be made.
  bool print_change(const events::FileChanged& change) {
    print_head(change);
    if (change.change == "mode") return true;
    const bool has_before = change.change != "added";
    const bool has_after = change.change != "deleted";
    const Content before = has_before ? read(change.before_sha256) : Content{};
    const Content after = has_after ? read(change.after_sha256) : Content{};
    const std::string& missing = before.missing.empty() ? after.missing : before.missing;
    if (!missing.empty()) {
      say("# contents not shown: " + missing);
      return true;
    }
    if (is_binary(before.bytes) || is_binary(after.bytes)) {
      print_binary(change);
      return true;
    }
    return print_text(change, has_before ? &before : nullptr, has_after ? &after : nullptr);
  }

 private:
  void say(const std::string& text, std::string_view colour = "") {
    const bool coloured = colour_ == Colour::kYes && !colour.empty();
    if (coloured) print(output_.out, colour);
    print(output_.out, text);
    if (coloured) print(output_.out, kPlain);
    print(output_.out, "\n");
  }

  void print_head(const events::FileChanged& change) {
    std::string head = "# " + quoted(change.change) + " " + quoted(change.path);
    if (change.change == "added") {
      head += ", " + std::to_string(change.after_bytes) + " bytes";
    } else if (change.change == "deleted") {
      head += ", " + std::to_string(change.before_bytes) + " bytes";
    } else if (change.change != "mode") {
      head += ", " + std::to_string(change.before_bytes) + " -> " +
              std::to_string(change.after_bytes) + " bytes";
    }
    say(head, kBold);
    if (change.before_mode != change.after_mode && change.before_mode != 0 &&
        change.after_mode != 0)
      say("# mode " + mode_text(change.before_mode) + " -> " + mode_text(change.after_mode));
    if (!change.note.empty()) say("# note: " + quoted(change.note));
  }

  static std::string mode_text(uint32_t mode) {
    char text[16];
    snprintf(text, sizeof text, "%06o", mode);
    return text;
  }

  /// Contents are believed only under the digest that the event names.
  [[nodiscard]] Content read(const std::string& digest) const {
    const std::string name = to_hex(digest);
    const auto& blobs = record_.files().blobs;
    if (digest.empty()) return {"", "not kept in the record"};
    if (!std::binary_search(blobs.begin(), blobs.end(), name))
      return {"", "not kept in the record, sha256 " + name};
    auto bytes = record_.read_blob(name);
    if (!bytes.ok()) return {"", quoted(to_string(bytes.error()))};
    if (evidence::as_view(evidence::sha256(bytes.value())) != digest)
      return {"", "the stored content is not the recorded one (see: carrel verify)"};
    return {bytes.take(), ""};
  }

  void print_binary(const events::FileChanged& change) {
    const auto side = [](const std::string& digest, uint64_t bytes) {
      return digest.empty() ? std::string("nothing")
                            : std::to_string(bytes) + " bytes, sha256 " + to_hex(digest);
    };
    say("Binary file changed: " + side(change.before_sha256, change.before_bytes) + " -> " +
        side(change.after_sha256, change.after_bytes));
  }

  bool print_text(const events::FileChanged& change, const Content* before, const Content* after) {
    const std::string name = quoted(change.path.substr(change.path.starts_with('/') ? 1 : 0));
    const Side old_side{before == nullptr ? "/dev/null" : "a/" + name,
                        before == nullptr ? std::string_view() : before->bytes};
    const Side new_side{after == nullptr ? "/dev/null" : "b/" + name,
                        after == nullptr ? std::string_view() : after->bytes};
    size_t number = 0;
    const Status made = unified_diff(old_side, new_side, [&](std::string_view line) {
      std::string_view colour;
      if (number < 2) {
        colour = kBold;  // the two lines of names, whatever they begin with
      } else if (line.starts_with('+')) {
        colour = kGreen;
      } else if (line.starts_with('-')) {
        colour = kRed;
      } else if (line.starts_with('@')) {
        colour = kCyan;
      }
      ++number;
      say(replay::plain_line(line), colour);
    });
    if (made.ok()) return true;
    print(output_.err, "carrel diff: " + name + ": " + to_string(made.error()) + "\n");
    return false;
  }

  const segments::RecordReader& record_;
  Colour colour_;
  Output output_;
};

int fail(Output output, int code, const std::string& text) {
  print(output.err, "carrel diff: " + text + "\n");
  return code;
}

}  // namespace

int diff(const Subject& subject, const std::string& path, Colour colour, Output output) {
  const auto record = segments::RecordReader::open(subject.record_dir_fd);
  if (!record.ok()) return fail(output, kFailed, to_string(record.error()));
  const PathFilter filter(path);
  Printer printer(record.value(), colour, output);
  size_t changes = 0;
  size_t shown = 0;
  bool good = true;
  bool ended = false;
  const auto summary = record.value().for_each([&](const events::Event& event) {
    ended = ended || std::holds_alternative<events::RecorderEnd>(event.data);
    const auto* change = std::get_if<events::FileChanged>(&event.data);
    if (change == nullptr) return true;
    ++changes;
    if (!filter.passes(change->path)) return true;
    ++shown;
    good = printer.print_change(*change) && good;
    return std::ferror(output.out) == 0;
  });
  if (!summary.ok())
    return fail(output, kFailed, "the record is damaged: " + quoted(to_string(summary.error())));
  if (!ended && subject.row.state() == "running")
    print(output.err, "carrel diff: still running: changes are found out at the session's end\n");
  else if (!ended)
    print(output.err, "carrel diff: the session did not end properly: changes may be missing\n");
  else if (changes == 0)
    print(output.err, "carrel diff: no file changed\n");
  if (shown == 0 && !path.empty())
    return fail(output, kNotFound, "no change at or below " + quoted(path));
  return good ? kOk : kFailed;
}

}  // namespace carrel::review
