#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/unit/launcher/cli/review/review_record.h"
#include <nlohmann/json.hpp>

namespace carrel::review {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

Script session() {
  Script script;
  script.add(events::ProcessExec{"/usr/bin/cc", {"cc", "-o", "x\x1b[2J"}, 12, false});
  script.deny(events::FileOpen{"/etc/shadow", 0, false, 0, 0}, "default:host-files", EACCES);
  script.deny(events::NetConnect{"inet6", "2001:db8::1", 443}, "default:network", ENETUNREACH);
  script.add(events::FileOpen{"/workspaces/app/a.c", 02, false, 1, 1}, events::Verdict::kAllowed);
  return script.end();
}

Answer list(const EventFilter& filter, Format format) {
  const ReviewRecord record(session());
  return answer_of(
      [&](Output output) { return list_events(record.subject(), filter, format, output); });
}

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    out.push_back(json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return out;
}

TEST(Events, JsonLinesAreTheStableFormWithRules) {
  const std::vector<json> lines = lines_of(list({}, Format::kJsonl).out);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0]["type"], "recorder.open");
  EXPECT_EQ(lines[2]["rule"]["text"], "host files are out of bounds");
  EXPECT_EQ(lines[2]["session"], verify::SampleRecord::kSession);
}

TEST(Events, CanBeFilteredByKindAndVerdict) {
  EXPECT_EQ(lines_of(list({"file", {}}, Format::kJsonl).out).size(), 2U);
  const auto denied = lines_of(list({"", events::Verdict::kDenied}, Format::kJsonl).out);
  ASSERT_EQ(denied.size(), 2U);
  EXPECT_EQ(denied[1]["type"], "net.connect");
  const auto both = lines_of(list({"file", events::Verdict::kDenied}, Format::kJsonl).out);
  ASSERT_EQ(both.size(), 1U);
  // The rules are those of event 0, also where event 0 itself is filtered out.
  EXPECT_EQ(both[0]["rule"]["text"], "host files are out of bounds");
}

TEST(Events, TableShowsEachOnALineOfItsOwn) {
  const std::string text = list({}, Format::kTable).out;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
  EXPECT_THAT(text, HasSubstr("[2001:db8::1]:443"));
  EXPECT_THAT(text, HasSubstr("ENETUNREACH"));
  EXPECT_THAT(text, HasSubstr("4242 cat"));
  EXPECT_THAT(text, HasSubstr("+0.001s"));
  EXPECT_THAT(text, HasSubstr("/workspaces/app/a.c (to write)"));
  EXPECT_THAT(text, HasSubstr("/usr/bin/cc -o x\\x1b[2J"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace carrel::review
