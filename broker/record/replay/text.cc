#include "broker/record/replay/text.h"

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/record/replay/plain.h"
#include "broker/record/replay/timeline.h"
#include "broker/record/screen/screen.h"

namespace carrel::replay {
namespace {

constexpr size_t kMaxLine = size_t{64} << 10;  // longer lines of a pipe are broken here
constexpr size_t kMaxStreams = 8;              // a record knows two; a hostile one may say more

class TextWriter {
 public:
  explicit TextWriter(const std::function<void(const std::string&)>& line) : line_(line) {}

  void take(const Step& step) {
    if (step.kind == StepKind::kResize) {
      size_ = step.size;
      if (screen_) screen_->resize(step.size);
    } else if (step.stream == "pty") {
      if (!screen_) screen_.emplace(size_, [this](const std::string& line) { put(line); });
      screen_->feed(step.bytes);
    } else {
      take_pipe(step);
    }
  }

  void finish() {
    for (auto& [name, rest] : pipes_) {
      if (!rest.empty()) put(rest);
    }
    if (!screen_) return;
    std::vector<std::string> rows;
    for (uint32_t row = 0; row < screen_->size().rows; ++row)
      rows.push_back(screen_->row_text(row));
    while (!rows.empty() && rows.back().empty())
      rows.pop_back();
    for (const std::string& row : rows)
      put(row);
  }

 private:
  void put(const std::string& line) const { line_(plain_line(line)); }

  void take_pipe(const Step& step) {
    const bool known = pipes_.contains(step.stream) || pipes_.size() < kMaxStreams;
    std::string& rest = pipes_[known ? step.stream : ""];
    std::string_view bytes = step.bytes;
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const bool whole = end != std::string_view::npos;
      rest += bytes.substr(0, end);
      bytes.remove_prefix(whole ? end + 1 : bytes.size());
      if (!whole && rest.size() < kMaxLine) continue;
      put(rest);
      rest.clear();
    }
  }

  const std::function<void(const std::string&)>& line_;
  screen::Size size_;
  std::optional<screen::Screen> screen_;
  std::map<std::string, std::string> pipes_;  // by stream, the line that is not whole yet
};

}  // namespace

Result<segments::RecordReader::Summary> write_text(
    const segments::RecordReader& record, Chosen& chosen,
    const std::function<void(const std::string&)>& line) {
  TextWriter writer(line);
  auto summary = for_each_step(record, chosen, [&writer](const Step& step) {
    writer.take(step);
    return true;
  });
  writer.finish();
  return summary;
}

}  // namespace carrel::replay
