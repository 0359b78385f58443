#include "broker/record/replay/timeline.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "broker/record/events/event.h"

namespace carrel::replay {

Result<segments::RecordReader::Summary> for_each_step(
    const segments::RecordReader& record, Chosen& chosen,
    const std::function<bool(const Step&)>& visit) {
  std::optional<uint64_t> start_ns;
  uint64_t at_ns = 0;
  return record.for_each([&](const events::Event& event) {
    if (!start_ns) start_ns = event.mono_ns;
    if (event.mono_ns > *start_ns) at_ns = std::max(at_ns, event.mono_ns - *start_ns);
    const bool shows = std::holds_alternative<events::TerminalOutput>(event.data) ||
                       std::holds_alternative<events::TerminalResize>(event.data);
    if (!shows) return true;
    if (event.channel != chosen.channel) {
      if (chosen.others.size() < Chosen::kMaxOthers) chosen.others.insert(event.channel);
      return true;
    }
    if (const auto* output = std::get_if<events::TerminalOutput>(&event.data))
      return visit({StepKind::kOutput, event.seq, at_ns, output->stream, output->bytes, {}});
    if (const auto* resize = std::get_if<events::TerminalResize>(&event.data))
      return visit({StepKind::kResize, event.seq, at_ns, {}, {}, {resize->columns, resize->rows}});
    return true;
  });
}

}  // namespace carrel::replay
