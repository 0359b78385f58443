#include "broker/record/replay/text.h"

#include <gtest/gtest.h>

#include "broker/record/replay/timeline.h"
#include "tests/unit/broker/record/sample_record.h"

namespace carrel::replay {
namespace {

using Lines = std::vector<std::string>;

/// A whole record of these, a millisecond apart.
verify::SampleRecord record_of(std::vector<events::Data> data, bool close = true) {
  verify::SampleOptions options;
  data.insert(data.begin(), events::RecorderOpen{});
  for (events::Data& each : data) {
    events::Event event;
    event.seq = options.events.size();
    event.mono_ns = 5'000'000'000 + event.seq * 1'000'000;
    event.data = std::move(each);
    options.events.push_back(std::move(event));
  }
  options.seals_after = {};
  options.segments_after = {2, 3};
  options.close = close;
  return verify::SampleRecord(options);
}

Lines text_of(const verify::SampleRecord& record) {
  Lines lines;
  const UniqueFd dir = record.open_dir();
  const auto reader = segments::RecordReader::open(dir.get());
  Chosen chosen;
  EXPECT_TRUE(write_text(reader.value(), chosen, [&lines](const std::string& line) {
                lines.push_back(line);
              }).ok());
  return lines;
}

TEST(Text, IsWhatScrolledOffAndTheLastScreen) {
  EXPECT_EQ(text_of(record_of({events::TerminalResize{20, 2},
                               events::TerminalOutput{"pty", "one\r\ntwo\r\nth"},
                               events::TerminalOutput{"pty", "ree\r\nC:\\dir"}})),
            (Lines{"one", "two", "three", "C:\\dir"}));
}

TEST(Text, EscapesHostileOutput) {
  EXPECT_EQ(text_of(record_of({events::TerminalOutput{
                "pty", "a\x1b]52;c;aGk=\x07\x1b[31mred\x1b[c \xe2\x80\xae!\r\n"}})),
            (Lines{"ared !"}));
  EXPECT_EQ(text_of(record_of({events::TerminalOutput{"stdout", "x\x1b[2J\ny\xff\tz"}})),
            (Lines{"x\\x1b[2J", "y\\xff\tz"}));
}

TEST(Text, KeepsTheLinesOfPipesApart) {
  EXPECT_EQ(text_of(record_of({events::TerminalOutput{"stdout", "ou"},
                               events::TerminalOutput{"stderr", "error\n"},
                               events::TerminalOutput{"stdout", "t\n\nend"}})),
            (Lines{"error", "out", "", "end"}));
}

TEST(Text, BreaksLinesWithoutEnd) {
  const Lines lines = text_of(record_of({events::TerminalOutput{"stdout", std::string(90000, 'a')},
                                         events::TerminalOutput{"stdout", "b\n"}}));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1], "b");
}

TEST(Timeline, StreamsStepsWithTimesSinceTheStart) {
  const auto record = record_of(
      {events::TerminalResize{80, 24}, events::FileEnter{"/"}, events::TerminalOutput{"pty", "x"}},
      false);
  const UniqueFd dir = record.open_dir();
  const auto reader = segments::RecordReader::open(dir.get());
  std::vector<Step> steps;
  Chosen chosen;
  const auto summary = for_each_step(reader.value(), chosen, [&steps](const Step& step) {
    steps.push_back(step);
    return true;
  });
  ASSERT_TRUE(summary.ok());
  EXPECT_TRUE(summary.value().unfinished);
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].size, (screen::Size{80, 24}));
  EXPECT_EQ(steps[1].at_ns, 3'000'000U);
  EXPECT_EQ(steps[1].bytes, "x");
}

TEST(Timeline, ShowsOneOfSeveralTerminalsAndNamesTheOthers) {
  verify::SampleOptions options;
  const std::vector<std::pair<std::string, std::string>> shown = {
      {"", "first\n"}, {"2", "second\n"}, {"", "again\n"}, {"3", "third\n"}};
  for (size_t i = 0; i <= shown.size(); ++i) {
    events::Event event;
    event.seq = i;
    event.mono_ns = 5'000'000'000 + i * 1'000'000;
    event.data = events::RecorderOpen{};
    if (i > 0) {
      event.channel = shown[i - 1].first;
      event.data = events::TerminalOutput{"stdout", shown[i - 1].second};
    }
    options.events.push_back(std::move(event));
  }
  options.seals_after = {};
  options.segments_after = {2, 3};
  const verify::SampleRecord record(options);
  const UniqueFd dir = record.open_dir();
  const auto reader = segments::RecordReader::open(dir.get());
  const auto text = [&reader](Chosen& chosen) {
    Lines lines;
    EXPECT_TRUE(write_text(reader.value(), chosen, [&lines](const std::string& line) {
                  lines.push_back(line);
                }).ok());
    return lines;
  };
  Chosen first;
  EXPECT_EQ(text(first), (Lines{"first", "again"}));
  EXPECT_EQ(first.others, (std::set<std::string>{"2", "3"}));
  Chosen second{"2", {}};
  EXPECT_EQ(text(second), (Lines{"second"}));
  EXPECT_EQ(second.others, (std::set<std::string>{"", "3"}));
}

}  // namespace
}  // namespace carrel::replay
