#include "broker/record/screen/screen.h"

#include <gtest/gtest.h>

#include <random>

namespace carrel::screen {
namespace {

TEST(Screen, KeepsTextColoursAndAttributesOfCells) {
  Screen screen({20, 3});
  screen.feed("\x1b[1;31mred\x1b[0m \x1b[48;2;1;2;3mx\x1b[38;5;200my");
  EXPECT_EQ(screen.row_text(0), "red xy");
  EXPECT_TRUE(screen.cell(0, 0).style.bold);
  EXPECT_EQ(screen.cell(0, 0).style.foreground, (Colour{Colour::Kind::kIndexed, 1, 0, 0}));
  EXPECT_EQ(screen.cell(0, 4).style.background, (Colour{Colour::Kind::kRgb, 1, 2, 3}));
  EXPECT_EQ(screen.cell(0, 5).style.foreground, (Colour{Colour::Kind::kIndexed, 200, 0, 0}));
  EXPECT_EQ(screen.cell(1, 0), Cell{});
  EXPECT_EQ(screen.cursor().column, 6U);
}

TEST(Screen, GivesWideCharactersTwoCells) {
  Screen screen({10, 2});
  screen.feed("\xe6\xbc\xa2");
  screen.feed("e\xcc\x81");
  EXPECT_EQ(screen.cell(0, 0).width, 2);
  EXPECT_EQ(screen.cell(0, 1).width, 0);
  EXPECT_EQ(screen.cell(0, 2).text, "e\xcc\x81");
  EXPECT_EQ(screen.row_text(0),
            "\xe6\xbc\xa2"
            "e\xcc\x81");
}

TEST(Screen, HandsOverLinesThatScrollOffTheMainScreenOnly) {
  std::vector<std::string> lines;
  Screen screen({10, 2}, [&](std::string line) { lines.push_back(std::move(line)); });
  screen.feed("one  \r\ntwo\r\nthree");
  EXPECT_EQ(lines, std::vector<std::string>{"one"});
  screen.feed("\x1b[?1049ha\r\nb\r\nc\r\nd");
  EXPECT_TRUE(screen.alternate());
  EXPECT_EQ(screen.text(), "c\nd\n");
  screen.feed("\x1b[?1049l");
  EXPECT_FALSE(screen.alternate());
  EXPECT_EQ(screen.text(), "two\nthree\n");
  EXPECT_EQ(lines.size(), 1U);
}

TEST(Screen, IgnoresClipboardTitlesAndQueries) {
  Screen plain({20, 2});
  Screen hostile({20, 2});
  plain.feed("ab");
  hostile.feed(
      "a\x1b]52;c;aGk=\x07\x1b]0;title\x1b\\\x1b[c\x1b[>c\x1b[5n\x1b[6n\x1bP$qm\x1b\\\x1b[21t"
      "\x1b]11;?\x07\x05"
      "b");
  EXPECT_EQ(hostile.snapshot(), plain.snapshot());
}

TEST(Screen, ClampsSizes) {
  EXPECT_EQ(Screen({0, 0}).size(), (Size{kMinColumns, 1}));
  EXPECT_EQ(Screen({UINT32_MAX, UINT32_MAX}).size(), (Size{kMaxColumns, kMaxRows}));
  Screen screen({80, 24});
  screen.resize({1, 0});
  EXPECT_EQ(screen.size(), (Size{kMinColumns, 1}));
  screen.feed("\xe6\xbc\xa2\xe6\xbc\xa2");
}

TEST(Screen, DoesNotDependOnWhereBytesAreCut) {
  const std::string bytes =
      "\x1b[31mh\xc3\xa9llo \xe6\xbc\xa2\x1b[2;3H\x1b]0;x\x07z\x1b[?1049h\x1b[1mW\x1b[?1049l!";
  Screen whole({12, 4});
  whole.feed(bytes);
  Screen pieces({12, 4});
  for (const char& byte : bytes)
    pieces.feed({&byte, 1});
  EXPECT_EQ(whole.snapshot(), pieces.snapshot());
}

TEST(Screen, SurvivesRandomBytesAndSizes) {
  std::mt19937 engine(7);
  const auto random = [&engine] { return static_cast<uint32_t>(engine()); };
  const std::string alphabet =
      "\x1b\x1b\x1b[[[]?;0123456789HJKLMPSTXmhlrsuABCD@bcgnqtx#68()PX^_\r\n\t\b\x9b\xe6\xbc\xa2";
  for (int round = 0; round < 60; ++round) {
    Screen screen({1 + random() % 30, 1 + random() % 12}, [](const std::string&) {});
    for (int i = 0; i < 60; ++i) {
      std::string bytes;
      for (int n = 0; n < 80; ++n)
        bytes +=
            random() % 8 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
      screen.feed(bytes);
      if (i % 7 == 0) screen.resize({1 + random() % 40, 1 + random() % 20});
      const Snapshot seen = screen.snapshot();
      EXPECT_LT(seen.cursor.row, seen.size.rows);
      EXPECT_LE(seen.cursor.column, seen.size.columns);
    }
  }
}

}  // namespace
}  // namespace carrel::screen
