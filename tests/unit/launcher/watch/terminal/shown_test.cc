#include "launcher/watch/terminal/shown.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace carrel::terminal {
namespace {

/// Whole, and byte by byte: both must come to the same.
Shown fed(std::string_view bytes) {
  Shown whole;
  whole.feed(bytes);
  Shown cut;
  for (const char byte : bytes)
    cut.feed({&byte, 1});
  EXPECT_EQ(whole.line_open(), cut.line_open()) << bytes;
  EXPECT_EQ(whole.full_screen(), cut.full_screen()) << bytes;
  return whole;
}

TEST(Shown, KnowsWhetherALineIsOpen) {
  EXPECT_FALSE(fed("").line_open());
  EXPECT_TRUE(fed("x").line_open());
  EXPECT_FALSE(fed("x\r\n").line_open());
  EXPECT_TRUE(fed("x\n$ ").line_open());
  EXPECT_TRUE(fed(" 50 %\r").line_open());  // it stands there still
  EXPECT_FALSE(fed("x\x1b"
                   "c")
                   .line_open());
}

TEST(Shown, SequencesAreNoText) {
  EXPECT_FALSE(fed("x\r\n\x1b[?2004h").line_open());
  EXPECT_FALSE(fed("x\r\n\x1b[0;1m\x1b(B\x1b=").line_open());
  EXPECT_TRUE(fed("x\x1b[0m").line_open());
  EXPECT_FALSE(fed("\x1b]0;a title\a").line_open());
  EXPECT_FALSE(fed("\x1b]0;a title\x1b\\").line_open());
  EXPECT_FALSE(fed("\x1bPq\n#0\x1b\\").line_open());
  EXPECT_TRUE(fed("\x1b]0;cut off\x1b[0mx").line_open());
}

TEST(Shown, KnowsWhoHasTheScreen) {
  for (const std::string mode : {"47", "1047", "1049", "1;1049", "1049;2004"}) {
    EXPECT_TRUE(fed("\x1b[?" + mode + "hx").full_screen()) << mode;
    EXPECT_FALSE(fed("\x1b[?" + mode + "hx\x1b[?" + mode + "l").full_screen()) << mode;
  }
  for (const std::string other :
       {"\x1b[?2004h", "\x1b[1049h", "\x1b[?10490h", "\x1b[?1049m", "\x1b]?1049h\a", "?1049h"}) {
    EXPECT_FALSE(fed(other).full_screen()) << other;
  }
  EXPECT_FALSE(fed("\x1b[?1049hx\x1b"
                   "c")
                   .full_screen());
  EXPECT_FALSE(fed("text\x1b[?1049hx").line_open()) << "there are no lines";
  EXPECT_TRUE(fed("text\x1b[?1049hx\n\x1b[?1049l").line_open()) << "the screen comes back";
  EXPECT_FALSE(fed("text\n\x1b[?1049hx\x1b[?1049l").line_open());
}

TEST(Shown, KeepsNoMoreThanItNeeds) {
  EXPECT_FALSE(fed("\x1b[?" + std::string(1000, '1') + ";1049h").full_screen());
  EXPECT_TRUE(fed("\x1b[" + std::string(1000, '1') + "mx").line_open());
}

TEST(Shown, WhoWritesALineEndsIt) {
  Shown shown = fed("x");
  shown.end_line();
  EXPECT_FALSE(shown.line_open());
}

}  // namespace
}  // namespace carrel::terminal
