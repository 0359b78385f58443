#include <algorithm>
#include <array>

#include "broker/record/events/json.h"
#include "launcher/cli/review/fields.h"
#include "launcher/cli/review/object.h"
#include "launcher/cli/review/verbs.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

/// The last part of the program's path: what a person knows it by.
std::string process_text(const std::optional<events::Process>& process) {
  if (!process) return "-";
  const size_t slash = process->exe.rfind('/');
  const std::string name =
      slash == std::string::npos ? process->exe : process->exe.substr(slash + 1);
  return std::to_string(process->pid) + " " + clipped(quoted(name), 16);
}

std::string_view verdict_text(events::Verdict verdict) {
  constexpr std::array<std::string_view, 3> kWords = {"allowed", "denied", "observed"};
  return kWords[verdict_index(verdict)];
}

std::string table_line(const events::Event& event, uint64_t start_ns) {
  const uint64_t since = event.mono_ns - std::min(event.mono_ns, start_ns);
  std::string line = padded(std::to_string(event.seq), 7);
  line += padded(since_text(since), 12);
  line += padded(process_text(event.process), 17) + " ";
  line += padded(std::string(events::type_name(event.data)), 18);
  line += padded(std::string(verdict_text(event.verdict)), 9);
  line += padded(words_of(event.data), 36) + " ";
  line += padded(event.error == 0 ? "" : errno_name(event.error), 11) + " ";
  line += quoted(event.rule);
  while (!line.empty() && line.back() == ' ')
    line.pop_back();
  return line + "\n";
}

constexpr std::string_view kHead =
    "seq    time        process           type              verdict  "
    "what                                 errno       rule\n";

bool passes(const events::Event& event, const EventFilter& filter) {
  if (filter.verdict && event.verdict != *filter.verdict) return false;
  if (filter.kind.empty()) return true;
  const std::string_view type = events::type_name(event.data);
  return type.substr(0, type.find('.')) == filter.kind;
}

}  // namespace

int list_events(const Subject& subject, const EventFilter& filter, Format format, Output output) {
  const auto record = segments::RecordReader::open(subject.record_dir_fd);
  if (!record.ok()) {
    print(output.err, "carrel events: " + to_string(record.error()) + "\n");
    return kFailed;
  }
  Facts head;  // only event 0, for its rules
  const events::RuleLookup rules = [&head](std::string_view id) { return head.rule(id); };
  if (format == Format::kTable) print(output.out, kHead);
  std::optional<uint64_t> start_ns;
  const auto summary = record.value().for_each([&](const events::Event& event) {
    if (!start_ns) start_ns = event.mono_ns;
    const auto* open = std::get_if<events::RecorderOpen>(&event.data);
    if (open != nullptr && event.seq == 0) head.open = *open;
    if (!passes(event, filter)) return true;
    print(output.out, format == Format::kTable
                          ? table_line(event, *start_ns)
                          : events::to_json(event, subject.row.session(), rules) + "\n");
    return std::ferror(output.out) == 0;
  });
  if (!summary.ok()) {
    print(output.err,
          "carrel events: the record is damaged: " + quoted(to_string(summary.error())) + "\n");
    return kFailed;
  }
  return kOk;
}

}  // namespace carrel::review
