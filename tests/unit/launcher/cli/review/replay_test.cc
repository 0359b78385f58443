// The verb as it runs: a process with a terminal of its own, which is emulated here. The emulator
// answers queries as a real one would; nothing may ever come back to the reviewer's side.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vterm.h>

#include <array>

#include "tests/unit/launcher/cli/review/review_record.h"

namespace carrel::review {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// All that a hostile session would like to say to the terminal of who looks at it.
std::string hostile_bytes() {
  return "plain\r\n"
         "\x1b]52;c;aGFja2Vk\x07\x1b]52;c;?\x07"                      // clipboard, set and asked
         "\x1b]0;title\x07\x1b]2;title\x1b\\\x1b[21t\x1b[18t"         // titles and reports
         "\x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1b[x\x1bZ\x05"  // who are you, where are you
         "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\"
         "\x1b[?1000h\x1b[?2004h\x1b[?1004h\x1b=\x1b[20h"  // modes that make keys differ
         "\x9b"
         "c\x90$qm\x9c\xc2\x9b"
         "6n\x9d"
         "52;c;?\x9c"  // the same in 8 bits
         "\x1b]8;;http://evil.test/\x1b\\link\x1b]8;;\x1b\\\x1b[5i\x1b[4i"
         "\xf0\x9f\x98\x80\xe6\xbc\xa2\xe2\x80\xae!\r\nlast line";
}

struct Seen {
  std::string bytes;    // that reached the terminal
  std::string answers;  // that the terminal gave
  int status = 0;
  termios before{};
  termios after{};
};

void keep_answer(const char* bytes, size_t length, void* user) {
  static_cast<std::string*>(user)->append(bytes, length);
}

VTerm* make_emulator(std::string* answers) {
  VTerm* emulator = vterm_new(24, 80);
  vterm_set_utf8(emulator, 1);
  vterm_output_set_callback(emulator, keep_answer, answers);
  vterm_screen_reset(vterm_obtain_screen(emulator), 1);
  return emulator;
}

[[noreturn]] void run_in_terminal(const Subject& subject, const replay::Pace& pace, int tty) {
  for (const int fd : {0, 1})
    dup2(tty, fd);
  std::FILE* err = std::fopen("/dev/null", "w");
  const int code = replay_live(subject, pace, "", {stdout, err});
  std::fflush(stdout);
  _exit(code);
}

/// Feeds all that comes to an emulator until the process has ended and all was read; types `keys`
/// once the recording is to be seen.
void emulate(int terminal, pid_t child, std::string keys, Seen* seen) {
  VTerm* emulator = make_emulator(&seen->answers);
  std::array<char, 4096> buffer{};
  bool ended = false;
  while (true) {
    pollfd wait{terminal, POLLIN, 0};
    if (poll(&wait, 1, ended ? 0 : 20) <= 0) {
      if (ended) break;
      ended = waitpid(child, &seen->status, WNOHANG) == child;
      continue;
    }
    const ssize_t got = read(terminal, buffer.data(), buffer.size());
    if (got <= 0) break;
    seen->bytes.append(buffer.data(), static_cast<size_t>(got));
    if (!keys.empty() && seen->bytes.find("waiting") != std::string::npos) {
      EXPECT_EQ(write(terminal, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
      keys.clear();
    }
    vterm_input_write(emulator, buffer.data(), static_cast<size_t>(got));
  }
  vterm_free(emulator);
}

struct Show {
  replay::Pace pace;
  std::string keys;
  int kill_with = 0;
  winsize size{24, 80, 0, 0};
};

Seen watch(const ReviewRecord& record, const Show& show) {
  Seen seen;
  int terminal = -1;
  int tty = -1;  // held open, so that its settings can be read when the process has gone
  EXPECT_EQ(openpty(&terminal, &tty, nullptr, nullptr, &show.size), 0);
  tcgetattr(tty, &seen.before);
  const pid_t child = fork();
  if (child == 0) run_in_terminal(record.subject(), show.pace, tty);
  if (show.kill_with != 0) {
    pollfd wait{terminal, POLLIN, 0};
    poll(&wait, 1, 20'000);  // it has taken the screen
    kill(child, show.kill_with);
  }
  emulate(terminal, child, show.keys, &seen);
  tcgetattr(tty, &seen.after);
  close(tty);
  close(terminal);
  return seen;
}

bool same_settings(const Seen& seen) {
  return seen.before.c_lflag == seen.after.c_lflag && seen.before.c_iflag == seen.after.c_iflag &&
         seen.before.c_oflag == seen.after.c_oflag;
}

Script hostile_session() {
  Script script;
  script.add(events::TerminalResize{80, 24});
  script.add(events::TerminalOutput{"pty", hostile_bytes()});
  script.add(events::TerminalOutput{"pty", "\r\nand the end"});
  return script.end();
}

constexpr uint64_t kHour = 3'600'000'000'000;

TEST(Replay, GivesAHostileRecordingNoWayToTheReviewersTerminal) {
  const Seen seen = watch(ReviewRecord(hostile_session()), {});
  ASSERT_TRUE(WIFEXITED(seen.status));
  EXPECT_EQ(WEXITSTATUS(seen.status), 0);
  EXPECT_EQ(seen.answers, "");
  EXPECT_THAT(seen.bytes, HasSubstr("last line"));
  EXPECT_THAT(seen.bytes, HasSubstr("and the end"));
  for (const char* sequence : {"\x1b]", "\x1bP", "\x1b[c", "\x1b[6n", "\x1b[?1000", "\x1b[?2004",
                               "\x1b[5i", "\x07", "\x05", "\xc2\x9b", "\xe2\x80\xae"})
    EXPECT_THAT(seen.bytes, Not(HasSubstr(sequence)));
  EXPECT_TRUE(same_settings(seen));
}

TEST(Replay, TheHarnessWouldSeeAnAnswer) {
  std::string answers;
  VTerm* emulator = make_emulator(&answers);
  const std::string bytes = hostile_bytes();
  vterm_input_write(emulator, bytes.data(), bytes.size());
  vterm_free(emulator);
  EXPECT_NE(answers, "");
}

TEST(Replay, LeavesTheTerminalAsItWasWhenToldToQuit) {
  Script script;
  script.add(events::TerminalOutput{"pty", "waiting"});
  script.wait(kHour);
  script.add(events::TerminalOutput{"pty", "later"});
  const ReviewRecord record(script.end());
  const Seen seen = watch(record, {{}, " +-q", 0});
  EXPECT_EQ(WEXITSTATUS(seen.status), 0);
  EXPECT_THAT(seen.bytes, HasSubstr("waiting"));
  EXPECT_THAT(seen.bytes, HasSubstr("\x1b[?1049l"));
  EXPECT_THAT(seen.bytes, Not(HasSubstr("later")));
  EXPECT_TRUE(same_settings(seen));
}

TEST(Replay, LeavesTheTerminalAsItWasWhenASignalEndsIt) {
  Script script;
  script.wait(kHour);
  script.add(events::TerminalOutput{"pty", "later"});
  const ReviewRecord record(script.end());
  const Seen seen = watch(record, {{}, "", SIGTERM});
  EXPECT_EQ(WEXITSTATUS(seen.status), 128 + SIGTERM);
  EXPECT_THAT(seen.bytes, HasSubstr("\x1b[?1049l"));
  EXPECT_TRUE(same_settings(seen));
}

TEST(Replay, CutsWaitsAndStartsLater) {
  Script script;
  script.wait(kHour);
  script.add(events::TerminalOutput{"pty", "middle"});
  script.wait(kHour);
  script.add(events::TerminalOutput{"pty", " finish"});
  const ReviewRecord record(script.end());
  Show show;
  show.pace = {1, kHour + kHour / 2, 1'000'000};
  const Seen seen = watch(record, show);
  EXPECT_EQ(WEXITSTATUS(seen.status), 0);
  EXPECT_THAT(seen.bytes, HasSubstr("finish"));
}

TEST(Replay, SaysWhenTheReviewersTerminalIsTooSmall) {
  Show show;
  show.size = {10, 70, 0, 0};
  const Seen seen = watch(ReviewRecord(hostile_session()), show);
  EXPECT_THAT(seen.bytes, HasSubstr("clipped: 80x24 shown in 70x10"));
  EXPECT_EQ(seen.answers, "");
}

TEST(Replay, NeedsATerminalUnlessAskedForText) {
  const ReviewRecord record(hostile_session());
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), 1);
    std::FILE* err = std::tmpfile();
    const int code = replay_live(record.subject(), {}, "", {stdout, err});
    _exit(text_of(err) == "carrel replay: stdout is no terminal: use --text\n" ? code : 99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const Answer text =
      answer_of([&](Output output) { return replay_text(record.subject(), "", output); });
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, HasSubstr("plain\n"));
  EXPECT_THAT(text.out, HasSubstr("and the end\n"));
  EXPECT_THAT(text.out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace carrel::review
