#include "launcher/cli/review/fields.h"
#include "launcher/cli/review/verbs.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr size_t kIdShown = 12;
constexpr size_t kCommandShown = 60;

std::string command_text(const protocol::SessionRow& row) {
  std::string out;
  for (const std::string& word : row.command()) {
    if (!out.empty()) out += ' ';
    out += quoted(std::string_view(word).substr(0, kCommandShown));
    if (shown_width(out) > kCommandShown) return clipped(out, kCommandShown);
  }
  return out;
}

std::string table_line(const protocol::SessionRow& row) {
  const bool ended = row.state() != "running" && row.ended_ns() > row.started_ns();
  std::string line = padded(row.session().substr(0, kIdShown), kIdShown + 2);
  line += padded(time_text(row.started_ns()), 22);
  line += padded(ended ? duration_text(row.ended_ns() - row.started_ns()) : "", 9);
  line += padded(quoted(row.person()), 12) + " ";
  line += padded(quoted(row.profile()), 18) + " ";
  line += padded(state_text(row), 20) + " ";
  line += padded(std::to_string(row.events()), 8);
  line += padded(std::to_string(row.denied()), 7);
  line += padded(std::to_string(row.changed()), 8);
  line += padded(std::to_string(row.lost()), 5);
  return line + command_text(row) + "\n";
}

}  // namespace

int list_sessions(const std::vector<protocol::SessionRow>& rows, Shape shape, Output output) {
  if (shape == Shape::kJson) {
    std::string line = "[";
    for (const protocol::SessionRow& row : rows) {
      if (line.size() > 1) line += ',';
      events::JsonObject object(&line);
      write_row(&object, row);
      object.end();
    }
    print(output.out, line + "]\n");
    return kOk;
  }
  if (rows.empty()) {
    print(output.err, "no sessions yet\n");
    return kOk;
  }
  print(output.out,
        "session       started               took     person       profile            ended by     "
        "        events  denied changed lost command\n");
  for (const protocol::SessionRow& row : rows)
    print(output.out, table_line(row));
  return kOk;
}

}  // namespace carrel::review
