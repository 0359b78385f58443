#include "profiles/explain/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profiles/explain/page.h"
#include "tests/unit/profiles/sample_profile.h"

namespace carrel::explain {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Explain, SaysEveryValueOfTheProfile) {
  const std::string text = explain(tests::parsed(tests::full_profile()));
  for (const char* part : {"dashboard-fix",
                           "version 3",
                           "Fix widgets. \"Café\" only.",
                           "testing",
                           "Ticket FE-1432",
                           "\"../app.git\"",
                           "\"main\"",
                           "/workspaces/app",
                           "  docs\n",
                           "  package.json\n",
                           "  web/src\n",
                           "  web/src/secrets\n",
                           "  deploy\n",
                           "\"refs/tags/v1\"",
                           "/workspaces/aux",
                           "\"ci\"",
                           "https://ci.example.org",
                           "90s",
                           "after 8h",
                           "Guarantees: all",
                           "Network: none",
                           "default:network",
                           "default:host-files",
                           "default:syscall"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Explain, MarksOnlyDefaultsAsDefaults) {
  const std::string full = explain(tests::parsed(tests::full_profile()));
  EXPECT_THAT(full, Not(HasSubstr("session.max_duration:")));
  EXPECT_THAT(full, Not(HasSubstr("session.assurance:")));
  const std::string minimal = explain(tests::parsed(tests::minimal_profile()));
  EXPECT_THAT(minimal, HasSubstr("session.max_duration:"));
  EXPECT_THAT(minimal, HasSubstr("session.assurance:"));
  EXPECT_THAT(minimal, HasSubstr("Time: no limit."));
  EXPECT_THAT(minimal, HasSubstr("Repositories: none."));
  EXPECT_THAT(minimal, HasSubstr("Credentials: none."));
}

TEST(Explain, SaysWhatInspectionBreaks) {
  const auto with_mode = [](const std::string& mode) {
    return explain(tests::parsed_whole(tests::minimal_profile() + "[[network]]\nhost = \"a.b\"\n" +
                                       "ports = [443]\nmode = \"" + mode + "\"\n"));
  };
  const std::string text = with_mode("inspect");
  for (const char* part :
       {"a certificate of this session", "built into them",
        "certificate that the workspace itself shows", "websockets", "gRPC", "QUIC", "cookie"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(with_mode("tcp"), Not(HasSubstr("a certificate of this session")));
}

TEST(Explain, QuotesWhatCouldCheatAReader) {
  model::Profile profile = tests::parsed(tests::full_profile());
  profile.summary = "a\x1b[2Jb\xe2\x80\xaegpj";
  profile.purpose.statement = "x\x1b]52;c;\x07";
  profile.repositories[0].source = "/srv/\x1b";
  const std::string text = explain(profile);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
}

TEST(Page, WrapsAtOneHundredColumns) {
  Page page;
  std::string words;
  for (int i = 0; i < 100; ++i)
    words += "wörd" + std::to_string(i) + " ";
  page.line(1, words);
  page.line(0, std::string(150, 'x'));
  const std::string text = page.text();
  int lines = 0;
  for (size_t start = 0; start < text.size(); ++lines) {
    const size_t end = text.find('\n', start);
    const std::string line = text.substr(start, end - start);
    size_t columns = 0;
    for (const char c : line)
      columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    if (line[0] != 'x') {
      EXPECT_LE(columns, 100U);
      EXPECT_TRUE(line.starts_with(lines == 0 ? "  w" : "    w")) << line;
    }
    start = end + 1;
  }
  EXPECT_GT(lines, 5);
}

}  // namespace
}  // namespace carrel::explain
