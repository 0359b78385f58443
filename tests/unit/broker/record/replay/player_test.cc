#include "broker/record/replay/player.h"

#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "tests/unit/broker/record/replay/closed_set.h"

namespace carrel::replay {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

/// A stage whose time passes only by waiting, and whose keys come at set times.
struct Fake {
  uint64_t now = 1000 * kSecond;
  uint64_t waited = 0;
  std::deque<std::pair<uint64_t, Key>> keys;  // at this much waiting
  screen::Screen terminal{{60, 12}};
  std::string written;
  bool gone = false;

  Stage stage() {
    return {[this] { return now; }, [this](uint64_t real) { return wait(real); },
            [this](std::string_view bytes) {
              written += bytes;
              terminal.feed(bytes);
              return !gone;
            },
            [this] { return terminal.size(); }};
  }
  Key wait(uint64_t real) {
    uint64_t pass = real;
    Key key = Key::kNone;
    if (!keys.empty() && keys.front().first <= waited + real) {
      pass = keys.front().first > waited ? keys.front().first - waited : 0;
      key = keys.front().second;
      keys.pop_front();
    }
    now += pass;
    waited += pass;
    return key;
  }
};

Step output(uint64_t at_ns, const std::string& bytes, const std::string& stream = "pty") {
  return {StepKind::kOutput, 1, at_ns, stream, bytes, {}};
}

/// How long the steps took on the stage, to the millisecond.
uint64_t play(Fake* fake, const Pace& pace, const std::vector<Step>& steps) {
  Player player(pace, "title", fake->stage());
  for (const Step& step : steps)
    if (!player.show(step)) break;
  player.finish();
  return fake->waited / 1'000'000;
}

TEST(Player, KeepsTheRecordedTimes) {
  const std::vector<Step> steps = {output(0, "a"), output(3 * kSecond, "b"),
                                   output(63 * kSecond, "c")};
  Fake real;
  EXPECT_EQ(play(&real, {}, steps), 63'000U);
  EXPECT_EQ(real.terminal.row_text(0), "abc");
  Fake fast;
  EXPECT_EQ(play(&fast, {10, 0, {}}, steps), 6'300U);
  Fake cut;
  EXPECT_EQ(play(&cut, {1, 0, 2 * kSecond}, steps), 4'000U);
  Fake late;
  EXPECT_EQ(play(&late, {1, 60 * kSecond, {}}, steps), 3'000U);
  EXPECT_EQ(late.terminal.row_text(0), "abc");
}

TEST(Player, ObeysKeys) {
  const std::vector<Step> steps = {output(0, "a"), output(100 * kSecond, "b")};
  Fake paused;
  paused.keys = {{10 * kSecond, Key::kPause}, {30 * kSecond, Key::kPause}};
  EXPECT_EQ(play(&paused, {}, steps), 120'000U);
  Fake faster;
  faster.keys = {{50 * kSecond, Key::kFaster}};
  EXPECT_EQ(play(&faster, {}, steps), 75'000U);
  Fake slower;
  slower.keys = {{50 * kSecond, Key::kSlower}};
  EXPECT_EQ(play(&slower, {}, steps), 150'000U);
  Fake quit;
  quit.keys = {{5 * kSecond, Key::kQuit}};
  EXPECT_EQ(play(&quit, {}, steps), 5'000U);
  EXPECT_EQ(quit.terminal.row_text(0), "a");
}

TEST(Player, ShowsWhereItStands) {
  Fake fake;
  fake.keys = {{2 * kSecond, Key::kFaster}, {3 * kSecond, Key::kPause}, {9 * kSecond, Key::kQuit}};
  play(&fake, {},
       {{StepKind::kResize, 0, 0, {}, {}, {40, 5}}, output(0, "a"), output(100 * kSecond, "b")});
  EXPECT_EQ(fake.terminal.row_text(11),
            " title  0:00:04  2x  paused  q quit, space pause, +/- speed");
}

TEST(Player, DrawsNoMoreThanAPersonSees) {
  Fake fake;
  std::vector<Step> steps;
  for (uint64_t i = 0; i < 1000; ++i)
    steps.push_back(output(i * 1'000'000, "x"));
  EXPECT_EQ(play(&fake, {}, steps), 999U);
  size_t frames = 0;
  for (size_t at = 0; (at = fake.written.find("\x1b[?25l", at)) != std::string::npos; ++at)
    ++frames;
  EXPECT_LE(frames, 40U);
  EXPECT_GE(frames, 25U);
}

TEST(Player, RedrawsForATerminalOfAnotherSize) {
  Fake fake;
  fake.keys = {{kSecond, Key::kRedraw}};
  Player player({}, "t", fake.stage());
  EXPECT_TRUE(player.show(output(0, "hello")));
  fake.terminal = screen::Screen({30, 40});
  EXPECT_TRUE(player.show(output(2 * kSecond, " there")));
  player.finish();
  EXPECT_EQ(fake.terminal.row_text(0), "hello there");
}

TEST(Player, ShowsPipesWithTheReturnsThatTheyLack) {
  Fake fake;
  play(&fake, {}, {output(0, "one\ntwo\n", "stdout"), output(0, "three", "stderr")});
  EXPECT_EQ(fake.terminal.row_text(0), "one");
  EXPECT_EQ(fake.terminal.row_text(1), "two");
  EXPECT_EQ(fake.terminal.row_text(2), "three");
}

TEST(Player, StopsWhenTheTerminalIsGone) {
  Fake fake;
  fake.gone = true;
  EXPECT_LE(play(&fake, {}, {output(0, "a"), output(100 * kSecond, "b")}), 1'000U);
}

TEST(Player, WritesOnlyTheClosedSet) {
  Fake fake;
  play(&fake, {},
       {output(0,
               "\x1b]52;c;aGk=\x07\x1b]0;t\x07\x1b[c\x1b[6n\x9b"
               "c\xc2\x9b"
               "6n\x05"),
        output(kSecond, "\x1bP$qm\x1b\\\x1b[?1000h\x0e\x0fok")});
  EXPECT_EQ(first_outside(fake.written), "");
}

}  // namespace
}  // namespace carrel::replay
