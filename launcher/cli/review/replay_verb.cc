#include <unistd.h>

#include "broker/record/replay/plain.h"
#include "broker/record/replay/player.h"
#include "broker/record/replay/text.h"
#include "launcher/cli/review/stage.h"
#include "launcher/cli/review/verbs.h"
#include "profiles/base/text.h"

namespace carrel::review {
namespace {

constexpr size_t kIdShown = 12;
constexpr int kSignalBase = 128;

int fail(Output output, const std::string& text) {
  print(output.err, "carrel replay: " + text + "\n");
  return kFailed;
}

/// What the session's terminal showed last, on the reviewer's main screen.
void print_last_screen(const replay::Player& player, Output output) {
  if (!player.screen()) return;
  std::string text = player.screen()->text();
  while (text.ends_with("\n\n"))
    text.pop_back();
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    print(output.out, replay::plain_line(std::string_view(text).substr(at, end - at)) + "\n");
    at = end + 1;
  }
}

/// Where a terminal has no bytes at all, and where else there are some.
void tell_others(const replay::Chosen& chosen, const std::string& session, Output output) {
  for (const std::string& name : chosen.others) {
    const std::string number = name.empty() ? "1" : quoted(name);
    print(output.err, "carrel: there is more on terminal " + number + ": carrel replay " +
                          session.substr(0, kIdShown) + " --terminal " + number + "\n");
  }
}

}  // namespace

int replay_text(const Subject& subject, const std::string& channel, Output output) {
  const auto record = segments::RecordReader::open(subject.record_dir_fd);
  if (!record.ok()) return fail(output, to_string(record.error()));
  replay::Chosen chosen{channel, {}};
  const auto summary =
      replay::write_text(record.value(), chosen,
                         [&output](const std::string& line) { print(output.out, line + "\n"); });
  if (!summary.ok())
    return fail(output, "the record is damaged: " + quoted(to_string(summary.error())));
  tell_others(chosen, subject.row.session(), output);
  return kOk;
}

int replay_live(const Subject& subject, const replay::Pace& pace, const std::string& channel,
                Output output) {
  if (isatty(STDOUT_FILENO) != 1) return fail(output, "stdout is no terminal: use --text");
  const auto record = segments::RecordReader::open(subject.record_dir_fd);
  if (!record.ok()) return fail(output, to_string(record.error()));
  auto entered = TerminalStage::enter(STDIN_FILENO, STDOUT_FILENO);
  if (!entered.ok()) return fail(output, to_string(entered.error()));
  const auto terminal = entered.take();
  const std::string id = subject.row.session().substr(0, kIdShown);
  replay::Player player(pace, "replay " + id, terminal->stage());
  bool quit = false;
  replay::Chosen chosen{channel, {}};
  const auto summary = replay::for_each_step(record.value(), chosen, [&](const replay::Step& step) {
    quit = !player.show(step);
    return !quit;
  });
  if (!quit) player.finish();
  terminal->leave();
  if (terminal->signal() != 0) return kSignalBase + terminal->signal();
  if (!summary.ok())
    return fail(output, "the record is damaged: " + quoted(to_string(summary.error())));
  if (!quit) print_last_screen(player, output);
  const bool running = subject.row.state() == "running";
  print(output.err, std::string("carrel: ") +
                        (quit      ? "replay left at "
                         : running ? "the session still runs; recorded so far: "
                                   : "end of the recording at ") +
                        replay::clock_text(player.shown_ns()) + "\n");
  if (!quit) tell_others(chosen, subject.row.session(), output);
  return kOk;
}

}  // namespace carrel::review
