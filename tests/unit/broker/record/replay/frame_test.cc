#include "broker/record/replay/frame.h"

#include <gtest/gtest.h>

#include <random>

#include "broker/record/replay/plain.h"
#include "tests/unit/broker/record/replay/closed_set.h"

namespace carrel::replay {
namespace {

using screen::Screen;
using screen::Size;

/// The recorded cells and those of a terminal that got our frames, but for the status line.
void expect_same_cells(const Screen& recorded, const Screen& shown) {
  for (uint32_t row = 0; row < recorded.size().rows; ++row)
    for (uint32_t column = 0; column < recorded.size().columns; ++column) {
      screen::Cell wanted = recorded.cell(row, column);
      if (wanted.text == " ") wanted.text = "";
      screen::Cell got = shown.cell(row, column);
      if (got.text == " ") got.text = "";
      EXPECT_EQ(wanted, got) << row << "," << column << " " << wanted.text << "|" << got.text;
    }
}

TEST(Frames, ShowTheScreenCellByCellAcrossDifferences) {
  Screen recorded({20, 4});
  Screen reviewer({30, 8});
  Frames frames({30, 8});
  reviewer.feed(Frames::enter());
  for (const char* bytes :
       {"\x1b[1;31mred\x1b[0m plain\r\n", "\x1b[48;2;1;2;3mx\x1b[38;5;200;3my\x1b[9;5;7mz\x1b[m",
        "\xe6\xbc\xa2\xe5\xad\x97", "\x1b[1;1He\xcc\x81", "\x1b[3;3Hab", "\x1b[4;1Hlast\r\nscrolls",
        "\x1b[2J\x1b[H", "\x1b[97;104mbright\x1b[4m_", "\x1b[?25l"}) {
    recorded.feed(bytes);
    reviewer.feed(frames.draw(recorded.snapshot(), "status"));
    expect_same_cells(recorded, reviewer);
    if (recorded.cursor().visible) {
      EXPECT_EQ(recorded.cursor(), reviewer.cursor());
    }
    EXPECT_EQ(reviewer.row_text(7), "status");
  }
  EXPECT_FALSE(reviewer.cursor().visible);
}

TEST(Frames, AreEmptyOfCellsWhereNothingChanged) {
  Screen recorded({20, 4});
  recorded.feed("hello");
  Frames frames({20, 4});
  const std::string first = frames.draw(recorded.snapshot(), "");
  EXPECT_NE(first.find("hello"), std::string::npos);
  EXPECT_LT(frames.draw(recorded.snapshot(), "").size(), 40U);
  frames.resize({20, 4});
  EXPECT_EQ(frames.draw(recorded.snapshot(), ""), first);
}

TEST(Frames, HoldNothingOutsideTheClosedSetWhateverIsRecorded) {
  std::mt19937 engine(11);
  const std::string alphabet =
      "\x1b\x1b\x1b[[[]]?;0123456789HJKLMPSTXmhlrsuABCD@bcgnqtx#68()PX^_"
      "\r\n\t\b\x07\x9b\x9d\x90\xc2"
      "\xe2\x80\xae\xe6\xbc\xa2";
  Screen recorded({40, 10});
  Frames frames({33, 9});
  for (int round = 0; round < 400; ++round) {
    std::string bytes;
    for (int i = 0; i < 60; ++i)
      bytes +=
          engine() % 8 == 0 ? static_cast<char>(engine()) : alphabet[engine() % alphabet.size()];
    recorded.feed(bytes);
    EXPECT_EQ(first_outside(frames.draw(recorded.snapshot(), "ti\x1btle\x07")), "");
  }
  EXPECT_EQ(first_outside(Frames::enter()), "");
  EXPECT_EQ(first_outside(Frames::leave()), "");
}

TEST(Frames, ClipAndFollowTheCursor) {
  Screen recorded({10, 6});
  recorded.feed("0\r\n1\r\n2\r\n3\r\n4\r\n5");
  const Layout tall = layout_for(recorded.snapshot(), {10, 4});
  EXPECT_EQ(tall, (Layout{3, 3, 10, true, true}));
  EXPECT_EQ(layout_for(recorded.snapshot(), {10, 6}), (Layout{0, 6, 10, false, false}));
  EXPECT_EQ(layout_for(recorded.snapshot(), {12, 7}), (Layout{0, 6, 10, false, true}));
  EXPECT_TRUE(layout_for(recorded.snapshot(), {5, 7}).clipped);
  Screen reviewer({10, 4});
  Frames frames({10, 4});
  reviewer.feed(frames.draw(recorded.snapshot(), "bar"));
  EXPECT_EQ(reviewer.text(), "3\n4\n5\nbar\n");
  EXPECT_EQ(reviewer.cursor().row, 2U);
  EXPECT_EQ(layout_for(recorded.snapshot(), {2, 1}).rows, 1U);
}

TEST(Frames, NeverShowHalfOfAWideCharacter) {
  Screen recorded({6, 1});
  recorded.feed("abc\xe6\xbc\xa2");
  Frames frames({4, 2});
  Screen reviewer({4, 2});
  reviewer.feed(frames.draw(recorded.snapshot(), ""));
  EXPECT_EQ(reviewer.row_text(0), "abc");
}

TEST(Frames, LeaveNothingBehindHalfOverwrittenWideCharacters) {
  Screen recorded({8, 1});
  Screen reviewer({8, 1});
  Frames frames({8, 1});
  for (const char* bytes : {"xyzpqrst", "\x1b[1;4H\xe6\xbc\xa2", "\x1b[1;3Hab",
                            "\x1b[1;1H"
                            "\xe6\xbc\xa2\xe6\xbc\xa2",
                            "\x1b[1;2Hn", "\x1b[2K\x1b[1;1Hend"}) {
    recorded.feed(bytes);
    reviewer.feed(frames.draw(recorded.snapshot(), ""));
    std::string wanted = recorded.row_text(0);
    EXPECT_EQ(reviewer.row_text(0).find('p'), wanted.find('p')) << bytes;
  }
  EXPECT_EQ(reviewer.row_text(0), "end");
}

TEST(Plain, KeepsWhatIsReadableAndReplacesTheRest) {
  EXPECT_EQ(plain_line("a\\n\tb\x1b[m\xc2\x9b\xff"), "a\\n\tb\\x1b[m\\u{009b}\\xff");
  EXPECT_EQ(plain_cell("\\"), "\\");
  EXPECT_EQ(plain_cell("e\xcc\x81"), "e\xcc\x81");
  EXPECT_EQ(plain_cell("\x1b"), "\xef\xbf\xbd");
  EXPECT_EQ(plain_cell("\xc2\x9b"), "\xef\xbf\xbd");
  EXPECT_EQ(plain_cell("a\xe2\x80\xae\xff"), "a\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace carrel::replay
