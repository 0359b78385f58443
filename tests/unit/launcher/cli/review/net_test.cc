#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "launcher/cli/review/net_facts.h"
#include "tests/unit/launcher/cli/review/review_record.h"
#include <nlohmann/json.hpp>

namespace carrel::review {
namespace {

using events::Verdict;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kGit = "network.git.example.com";

events::HttpRequest request(uint64_t flow, const std::string& method, const std::string& lease) {
  events::HttpRequest out;
  out.flow = flow;
  out.method = method;
  out.host = "git.example.com";
  out.path = "/a";
  out.lease = lease;
  return out;
}

Script on_the_network() {
  Script script;
  script.add(events::NetOpen{1, "git.example.com", "198.18.0.1", 443, "inspect"}, Verdict::kAllowed,
             kGit);
  script.add(request(1, "GET", "git-ro"), Verdict::kAllowed, kGit);
  script.add(request(1, "POST", ""), Verdict::kDenied, kGit);
  script.add(
      events::NetClose{1, "git.example.com", "10.0.0.7:443", 3000, 5 << 20, "closed", "", 9});
  script.add(events::NetOpen{2, "git.example.com", "198.18.0.1", 443, "inspect"}, Verdict::kAllowed,
             kGit);
  script.add(events::NetClose{2, "git.example.com", "10.0.0.7:443", 24, 0, "budget", "spent", 9});
  script.add(events::NetOpen{3, "git.example.com", "198.18.0.1", 22, ""}, Verdict::kDenied,
             "network.default");
  script.add(events::NetClose{3, "git.example.com", "", 0, 0, "denied", "", 1});
  script.add(events::DnsQuery{0, "evil\x1b[2J.example", "A", "no-such-name", "denied", "", 1},
             Verdict::kDenied, "network.default");
  script.add(events::DnsQuery{0, "evil\x1b[2J.example", "A", "no-such-name", "denied", "", 6},
             Verdict::kDenied, "network.default");
  script.add(events::DnsQuery{0, "git.example.com", "A", "address", "allowed", "198.18.0.1", 1},
             Verdict::kAllowed, kGit);
  script.deny(events::NetConnect{"inet", "169.254.169.254", 80}, "network.default", ECONNREFUSED);
  script.deny(events::NetConnect{"inet", "169.254.169.254", 80}, "network.default", ECONNREFUSED);
  script.deny(events::NetConnect{"unix", "/run/other", 0}, "default:host-files", EACCES);
  script.add(events::NetBudget{"near", "git.example.com", "up", 4000, 3200, 2});
  script.add(events::NetAnomaly{"names", "example", "30 denied names in a minute"});
  script.add(events::GrantChange{"approved", "1",
                                 "carrel grant 1\nperson: eve\nnetwork: a.example\nport: 443\n", "",
                                 "eve", "fine", 0});
  return script.end();
}

std::string text_of(const ReviewRecord& record) {
  const Answer answer =
      answer_of([&](Output output) { return net(record.subject(), Shape::kText, output); });
  EXPECT_EQ(answer.code, 0) << answer.err;
  return answer.out;
}

TEST(Net, SumsUpDestinations) {
  const std::string text = text_of(ReviewRecord(on_the_network()));
  EXPECT_THAT(text, HasSubstr("2 destinations, 3 connections, 2.9 KiB out, 5.0 MiB in\n"));
  EXPECT_THAT(text, HasSubstr("  git.example.com port 443, inspect (network.git.example.com)\n"
                              "      2 connections from "));
  EXPECT_THAT(text, HasSubstr("      2 requests: GET 1, POST 1; 1 denied\n"));
  EXPECT_THAT(text, HasSubstr("      by /usr/bin/cat\n      dialled 10.0.0.7:443\n"
                              "      with the leases git-ro\n"
                              "      ended: budget 1, closed 1\n"));
  EXPECT_THAT(text, HasSubstr("  git.example.com port 22, denied (network.default)\n"));
}

TEST(Net, SaysWhatLedNowhereAndEscapesIt) {
  const std::string text = text_of(ReviewRecord(on_the_network()));
  EXPECT_THAT(text, HasSubstr("names that lead nowhere\n  7x    evil\\x1b[2J.example (denied, "));
  EXPECT_THAT(text, Not(HasSubstr("(allowed")));
  EXPECT_THAT(text, HasSubstr("addresses that were refused\n"
                              "  2x    169.254.169.254 port 80 by /usr/bin/cat (first "));
  EXPECT_THAT(text, Not(HasSubstr("/run/other")));
}

TEST(Net, TellsBudgetsAnomaliesAndGrants) {
  const std::string text = text_of(ReviewRecord(on_the_network()));
  EXPECT_THAT(text, HasSubstr("  near git.example.com: up, 3200 of 4000 bytes\n"));
  EXPECT_THAT(text, HasSubstr("  names example: 30 denied names in a minute\n"));
  EXPECT_THAT(text, HasSubstr("  approved network a.example: eve: fine\n"));
}

TEST(Net, IsOneObjectInJson) {
  const ReviewRecord record(on_the_network());
  const Answer answer =
      answer_of([&](Output output) { return net(record.subject(), Shape::kJson, output); });
  const json told = json::parse(answer.out);
  EXPECT_EQ(told["v"], 1);
  ASSERT_EQ(told["destinations"].size(), 2U);
  const json& git = told["destinations"][0];
  EXPECT_EQ(git["up"], 3024);
  EXPECT_EQ(git["requests"], json::parse(R"({"GET":1,"POST":1})"));
  EXPECT_EQ(git["ended"], json::parse(R"({"budget":1,"closed":1})"));
  EXPECT_EQ(git["without_process"], 0);
  EXPECT_EQ(told["destinations"][1]["denied"], 1);
  EXPECT_EQ(told["names"][0]["times"], 7);
  EXPECT_EQ(told["addresses"][0]["times"], 2);
  EXPECT_EQ(told["notes"].size(), 3U);
}

TEST(Net, CountsConnectionsWhoseProcessIsNotKnown) {
  std::vector<events::Event> events = on_the_network().events();
  for (events::Event& event : events) {
    const auto* open = std::get_if<events::NetOpen>(&event.data);
    if (open != nullptr && open->flow == 2) event.process.reset();
  }
  const ReviewRecord record(std::move(events));
  EXPECT_THAT(text_of(record), HasSubstr("      of 1 connection the process is not known\n"));
}

TEST(Net, NothingIsSaidInFew) {
  EXPECT_EQ(text_of(ReviewRecord(Script().end())),
            "0 destinations, 0 connections, 0 B out, 0 B in\n");
}

TEST(Net, OfTooManyOnlyTheirNumber) {
  Script script;
  for (size_t i = 0; i < kMaxListed + 3; ++i) {
    script.add(events::DnsQuery{0, "n" + std::to_string(i), "A", "no-such-name", "denied", "", 1},
               Verdict::kDenied, "network.default");
  }
  const std::string text = text_of(ReviewRecord(script.end()));
  EXPECT_THAT(text, HasSubstr("  ... and 9800 more (--json lists them)\n"));
  EXPECT_THAT(text, HasSubstr("and 3 events of what is not listed\n"));
}

}  // namespace
}  // namespace carrel::review
