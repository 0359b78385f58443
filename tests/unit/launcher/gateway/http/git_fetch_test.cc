#include "launcher/gateway/http/git_fetch.h"

#include <gtest/gtest.h>

#include <random>

#include "launcher/gateway/http/pkt_line.h"
#include "tests/unit/launcher/gateway/http/packets.h"
#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

const std::string kId(40, 'a');

std::string of(const std::string& body, int version = 2) {
  return outcome(judge_fetch(body, version));
}

/// A request of version 2 with these arguments.
std::string request_v2(const std::string& command, const std::vector<std::string>& arguments) {
  std::string body = packet("command=" + command) + packet("agent=git/2.39.5") +
                     packet("object-format=sha1") + "0001";
  for (const std::string& argument : arguments)
    body += packet(argument + "\n");
  return body + "0000";
}

TEST(PktLine, IsLengthAndText) {
  const auto read = next_packet("0009abcd\nrest");
  const auto& data = std::get<PktLine>(read);
  EXPECT_EQ(data.text, "abcd\n");
  EXPECT_EQ(data.line(), "abcd");
  EXPECT_EQ(data.size, 9U);
  EXPECT_EQ(std::get<PktLine>(next_packet("0000")).kind, PktLine::Kind::kFlush);
  EXPECT_EQ(std::get<PktLine>(next_packet("0001")).kind, PktLine::Kind::kDelimiter);
  EXPECT_EQ(std::get<PktLine>(next_packet("0004")).text, "");
  for (const char* part : {"", "0", "000", "0009", "0009abcd"})
    EXPECT_EQ(outcome(next_packet(part)), "more") << part;
  for (const char* bad : {"0002", "0003", "x", "00 5", "-001", "fff1", "ffff"})
    EXPECT_EQ(outcome(next_packet(bad)), "403 git-packet") << bad;
  EXPECT_EQ(outcome(next_packet("fff0")), "more");
}

TEST(GitFetch, ListsRefsAndFetches) {
  EXPECT_EQ(of(request_v2("ls-refs", {"peel", "symrefs", "unborn", "ref-prefix refs/heads/"})),
            "ok");
  const auto read =
      judge_fetch(request_v2("fetch", {"thin-pack", "no-progress", "include-tag", "ofs-delta",
                                       "shallow " + kId, "deepen 1", "filter blob:none",
                                       "want " + kId, "want " + kId, "have " + kId, "done"}),
                  2);
  EXPECT_EQ(std::get<FetchSummary>(read), (FetchSummary{"fetch", 2, 1}));
  EXPECT_EQ(of("0000"), "ok");
}

TEST(GitFetch, OtherCommandsAreDenied) {
  for (const char* command : {"object-info", "bundle-uri", "fetch2", "push", ""})
    EXPECT_EQ(of(request_v2(command, {})), "403 git-command") << command;
  EXPECT_EQ(of(packet("agent=git/2.39.5") + "0000"), "403 git-command");
}

TEST(GitFetch, OneRequestPassesAndNothingBehindIt) {
  const std::string one = request_v2("ls-refs", {});
  EXPECT_EQ(of(one), "ok");
  EXPECT_EQ(of(one + request_v2("bundle-uri", {})), "403 git-packet");
  EXPECT_EQ(of(one + one), "403 git-packet");
  EXPECT_EQ(of(one + "x"), "403 git-packet");
  EXPECT_EQ(of(one.substr(0, one.size() - 4)), "403 git-packet");
  EXPECT_EQ(of(one.substr(0, one.size() - 1)), "403 git-packet");
  EXPECT_EQ(of(""), "403 git-packet");
  EXPECT_EQ(of("0001" + one), "403 git-packet");
  EXPECT_EQ(of(packet("command=fetch") + "00010001" + "0000"), "403 git-packet");
}

TEST(GitFetch, LinesThatAreNotKnownAreDenied) {
  for (const std::string& line :
       {std::string("packfile-uris https"), std::string("want x"), "want " + kId + "a",
        "want " + std::string(40, 'A'), std::string("deepen -1"), std::string("deepen 1 2"),
        std::string("anything"), std::string("done "), std::string(""), std::string("ref-prefix a"),
        "filter " + std::string(1025, 'a'), std::string("filter a\x01")})
    EXPECT_EQ(of(request_v2("fetch", {line})), "403 git-line") << line;
  EXPECT_EQ(of(request_v2("ls-refs", {"want " + kId})), "403 git-line");
  EXPECT_EQ(of(packet("command=fetch") + packet("server-option=x") + "0000"), "403 git-line");
}

TEST(GitFetch, HavesAndWordsAreBounded) {
  const std::vector<std::string> most(kMaxHaves, "have " + kId);
  EXPECT_EQ(of(request_v2("fetch", most)), "ok");
  std::vector<std::string> more = most;
  more.push_back("have " + kId);
  EXPECT_EQ(of(request_v2("fetch", more)), "403 git-haves");
  const std::vector<std::string> prefixes(9, "ref-prefix " + std::string(1000, 'a'));
  EXPECT_EQ(of(request_v2("ls-refs", prefixes)), "403 git-text");
  EXPECT_EQ(of(request_v2("fetch", std::vector<std::string>(5000, "want " + kId))), "403 git-line");
}

TEST(GitFetch, OldVersionsWantAndHave) {
  const std::string want = packet("want " + kId +
                                  " multi_ack_detailed no-done side-band-64k thin-pack ofs-delta "
                                  "deepen-since deepen-not agent=git/2.39.5\n");
  const auto read = judge_fetch(want + packet("want " + kId + "\n") + "0000" +
                                    packet("have " + kId + "\n") + packet("done\n"),
                                0);
  EXPECT_EQ(std::get<FetchSummary>(read), (FetchSummary{"fetch", 2, 1}));
  EXPECT_EQ(of(want + packet("shallow " + kId) + packet("deepen 1") + "0000", 1), "ok");
  EXPECT_EQ(of("0000", 0), "ok");
}

TEST(GitFetch, OldVersionsAreNoWayRoundTheNewOne) {
  EXPECT_EQ(of(request_v2("bundle-uri", {}), 0), "403 git-command");
  EXPECT_EQ(of(packet("want " + kId) + "0001", 0), "403 git-packet");
  EXPECT_EQ(of(packet("have " + kId), 0), "403 git-command");
  EXPECT_EQ(of(packet("want " + kId + " secret"), 0), "403 git-line");
  EXPECT_EQ(of(packet("want " + kId) + packet("want " + kId + " thin-pack"), 0), "403 git-line");
  std::string many = packet("want " + kId) + "0000";
  for (size_t i = 0; i <= kMaxHaves; ++i)
    many += packet("have " + kId);
  EXPECT_EQ(of(many, 0), "403 git-haves");
  EXPECT_EQ(of(packet("want " + kId) + "00", 0), "403 git-packet");
}

TEST(GitFetch, FuzzedBodiesAreReadInsideTheirBytes) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  const std::string sample = request_v2("fetch", {"want " + kId, "have " + kId, "done"});
  int taken = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string body = sample;
    for (auto count = random() % 3; count > 0; --count)
      body[random() % body.size()] = "0123456789abcdef \n="[random() % 19];
    if (random() % 8 == 0) body.resize(random() % body.size());
    if (of(body, random() % 2 == 0 ? 2 : 0) == "ok") ++taken;
  }
  EXPECT_GT(taken, 1'000);
}

}  // namespace
}  // namespace carrel::gateway::http
