// Requests for more network: what may be asked, what an answer does, and when it is over.

#include "launcher/watch/session/grant_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/protocol/grant_text.h"
#include "profiles/base/text.h"
#include "profiles/parse/parse.h"

namespace carrel::session {
namespace {

using testing::HasSubstr;

constexpr const char* kProfile =
    "profile = \"fix\"\nversion = 3\nsummary = \"s\"\n[purpose]\nstatement = \"t\"\n"
    "[[network]]\nhost = \"read.example.org\"\nports = [443]\n"
    "http = [{ methods = [\"GET\"], path = \"/a\" }]\nbudget = { up = \"5KiB\" }\n"
    "[[network]]\nhost = \"tls.example.org\"\nports = [443]\nmode = \"passthrough\"\n"
    "[[network]]\nhost = \"api.example.org\"\nports = [443]\ncredential = \"deploy\"\n"
    "[[credential]]\nname = \"deploy\"\nkind = \"header\"\nfrom = \"secret:deploy\"\n"
    "issue = \"request\"\n"
    "[[credential]]\nname = \"ci\"\naudience = \"https://ci\"\nissue = \"request\"\n"
    "[[credential]]\nname = \"always\"\naudience = \"https://x\"\n";
constexpr uint64_t kS = 1'000'000'000;
constexpr uint64_t kReal = 1'800'000'000 * kS;

class GrantDeskTest : public testing::Test {
 protected:
  GrantDeskTest() : profile_(parse::parse_profile(kProfile, "fix.toml").take().profile) {
    spec_.set_session("01hzw00000000000000000000s");
    spec_.set_task("local/fix");
    spec_.set_person("local:1000");
    desk_.emplace(spec_, profile_);
  }
  static std::string subject(const std::string& place, const std::string& until = "1h",
                             const std::string& reason = "a test", const std::string& how = "") {
    return place + '\0' + how + '\0' + until + '\0' + reason;
  }
  GrantDesk::Asked ask(const std::string& subject, std::optional<uint64_t> end_ns = std::nullopt) {
    return desk_->ask(subject, live_, now_, end_ns);
  }
  GrantDesk::Asked ask_credential(const std::string& name, const std::string& until = "1h",
                                  const std::string& reason = "a test") {
    return desk_->ask_credential(name + '\0' + until + '\0' + reason, now_, std::nullopt);
  }
  protocol::GrantAnswer approval(const GrantDesk::Asked& asked, uint64_t until_ns) const {
    protocol::GrantAnswer answer;
    answer.set_id(asked.event.id);
    answer.set_approved(true);
    answer.set_person("local:0");
    answer.set_until_ns(until_ns);
    answer.set_text_sha256(asked.event.text_sha256);
    return answer;
  }

  model::Profile profile_;
  protocol::SessionSpec spec_;
  std::vector<model::Network> live_;
  GrantDesk::Now now_{500 * kS, kReal};
  std::optional<GrantDesk> desk_;
};

TEST_F(GrantDeskTest, TheTextIsFixedAndItsDigestIsTheEvents) {
  const auto asked = ask(subject("New.Example.org."));
  ASSERT_TRUE(asked.request.has_value()) << asked.answer.text;
  EXPECT_EQ(asked.event.what,
            "carrel grant 1\nsession: 01hzw00000000000000000000s\nrequest: 1\nperson: local:1000\n"
            "task: local/fix\nnetwork: new.example.org\nport: 443\n"
            "mode: passthrough (TLS with this name; nobody reads it)\nreason: a test\n"
            "until: 2027-01-15T09:00:00.000000000Z\n");
  EXPECT_EQ(asked.event.text_sha256, evidence::as_view(evidence::sha256(asked.event.what)));
  EXPECT_EQ(asked.event.action, "requested");
  EXPECT_EQ(asked.event.person, "local:1000");
  EXPECT_EQ(asked.answer.status, 0);
  EXPECT_THAT(asked.answer.text, HasSubstr("asked: request 1: new.example.org port 443"));
  EXPECT_THAT(asked.answer.text, HasSubstr("whoever grants task local/fix decides"));
  EXPECT_THAT(asked.answer.text, HasSubstr("needs --tcp")) << "what passthrough does not do";
}

TEST_F(GrantDeskTest, TheTextNamesTheCredentialThatGoesIntoEachRequest) {
  EXPECT_THAT(ask(subject("read.example.org:8443")).event.what,
              ::testing::Not(HasSubstr("puts in")));
  for (model::Network& network : profile_.networks) {
    if (network.host == "read.example.org") network.credential = "ci";
  }
  desk_.emplace(spec_, profile_);
  const auto asked = ask(subject("read.example.org:8444"));
  EXPECT_THAT(asked.event.what,
              HasSubstr("\nputs in: credential ci, into each of these requests\n"));
  EXPECT_TRUE(protocol::check_grant_request(*asked.request).ok());
  protocol::GrantRequest other = *asked.request;
  other.set_mode("tcp");
  EXPECT_FALSE(protocol::check_grant_request(other).ok());
  EXPECT_THAT(ask(subject("read.example.org:22", "1h", "x", "tcp")).event.what,
              ::testing::Not(HasSubstr("puts in")));
}

TEST_F(GrantDeskTest, ModeIsInspectWhereTheSessionCanSignForTheName) {
  EXPECT_EQ(ask(subject("read.example.org:8443")).request->mode(), "inspect");
  EXPECT_EQ(ask(subject("tls.example.org:8443")).request->mode(), "passthrough");
  EXPECT_EQ(ask(subject("tls.example.org:22", "1h", "x", "tcp")).request->mode(), "tcp");
}

TEST_F(GrantDeskTest, WhatIsNoRequestSaysWhatToWrite) {
  for (const char* place : {"10.0.0.1", "*.example.org", "a.example:0", "a.example:70000",
                            "a.example:", "a.example:1x", "", "a..b", "-a.example"}) {
    const auto asked = ask(subject(place));
    EXPECT_EQ(asked.answer.status, 1) << place;
    EXPECT_FALSE(asked.request.has_value()) << place;
  }
  for (const char* until : {"", "0s", "soon", "1", "400d", "2020-01-01T00:00:00Z"})
    EXPECT_EQ(ask(subject("a.example", until)).answer.status, 1) << until;
  EXPECT_EQ(ask(subject("a.example", "1h", "")).answer.status, 1);
  EXPECT_EQ(ask(subject("a.example", "1h", "a\nb")).answer.status, 1);
  EXPECT_EQ(ask(subject("a.example", "1h", std::string(1025, 'x'))).answer.status, 1);
  EXPECT_EQ(ask(subject("a.example", "1h", "x", "ssh")).answer.status, 1);
  EXPECT_EQ(ask(subject("a.example", "1h", std::string(1024, 'x'))).answer.status, 0);
}

TEST_F(GrantDeskTest, NothingOutlastsTheSession) {
  const auto asked = ask(subject("a.example", "2h"), kReal + 600 * kS);
  EXPECT_EQ(asked.request->until_ns(), kReal + 600 * kS);
  EXPECT_THAT(asked.answer.text, HasSubstr("Not longer than this session may last."));
}

TEST_F(GrantDeskTest, WhatPassesAlreadyOrIsAskedAlreadyIsNoNewRequest) {
  EXPECT_THAT(ask(subject("tls.example.org")).answer.text, HasSubstr("may be reached already"));
  EXPECT_TRUE(ask(subject("read.example.org")).request.has_value()) << "more than its requests";
  EXPECT_THAT(ask(subject("read.example.org")).answer.text, HasSubstr("asked already: request 1"));
  for (int i = 1; i < 8; ++i)
    ASSERT_TRUE(ask(subject("a.example:" + std::to_string(i))).request.has_value());
  EXPECT_EQ(ask(subject("b.example")).answer.status, 1) << "too many are open";
}

TEST_F(GrantDeskTest, NothingIsGrantedThatWouldTakeSomethingAway) {
  const auto unread = ask(subject("read.example.org", "1h", "x", "tcp"));
  EXPECT_FALSE(unread.request.has_value());
  EXPECT_EQ(unread.answer.status, 1);
  EXPECT_THAT(unread.answer.text, HasSubstr("read.example.org port 443 is inspected"));
  EXPECT_THAT(unread.answer.text, HasSubstr("Ask without --tcp"));
  EXPECT_TRUE(ask(subject("read.example.org:8443", "1h", "x", "tcp")).request.has_value());
  EXPECT_TRUE(ask(subject("tls.example.org", "1h", "x", "tcp")).request.has_value());
  EXPECT_TRUE(ask(subject("api.example.org")).request.has_value())
      << "without rules bodies are bounded all the same";
  live_ = {decide::granted_network(profile_, "api.example.org", 443, "inspect").take(),
           decide::granted_network(profile_, "new.example.org", 22, "tcp").take()};
  EXPECT_THAT(ask(subject("api.example.org")).answer.text,
              HasSubstr("api.example.org port 443 (inspect) may be reached already"));
  EXPECT_THAT(ask(subject("new.example.org:22")).answer.text,
              HasSubstr("new.example.org port 22 (tcp) may be reached already"));
}

TEST_F(GrantDeskTest, AnApprovalHoldsUntilItsMomentByEitherClock) {
  for (const bool by_day : {false, true}) {
    SetUp();
    desk_.emplace(spec_, profile_);
    const auto asked = ask(subject("read.example.org", "1h"));
    const auto change = desk_->take(approval(asked, kReal + 60 * kS), now_);
    ASSERT_TRUE(change.has_value());
    EXPECT_EQ(change->event.action, "approved");
    EXPECT_EQ(change->event.until_ns, kReal + 60 * kS);
    EXPECT_EQ(change->gateway->left_ms(), 60'000U);
    EXPECT_EQ(change->network->host, "read.example.org");
    EXPECT_EQ(change->network->http, decide::network_for(profile_, "read.example.org")->http)
        << "and its rules";
    EXPECT_EQ(change->network->budget.up, 5U << 10) << "as its table says";
    EXPECT_TRUE(desk_->over({now_.mono_ns + 59 * kS, kReal + 59 * kS}).empty());
    const auto over = desk_->over(by_day ? GrantDesk::Now{now_.mono_ns, kReal + 60 * kS}
                                         : GrantDesk::Now{now_.mono_ns + 60 * kS, kReal});
    ASSERT_EQ(over.size(), 1U);
    EXPECT_EQ(over[0].event.action, "ended");
    EXPECT_TRUE(over[0].gateway->ended());
    EXPECT_TRUE(desk_->end_all().empty());
  }
}

TEST_F(GrantDeskTest, AnotherGatewayIsToldWhatIsGrantedAndForHowLong) {
  EXPECT_TRUE(desk_->granted(now_).empty());
  const auto asked = ask(subject("new.example.org"));
  const auto open = ask(subject("other.example.org"));
  EXPECT_TRUE(desk_->granted(now_).empty());
  ASSERT_TRUE(desk_->take(approval(asked, kReal + 600 * kS), now_).has_value());
  const auto credential = ask_credential("deploy");
  ASSERT_TRUE(desk_->take(approval(credential, kReal + 600 * kS), now_).has_value());
  GrantDesk::Now later{now_.mono_ns + 100 * kS, kReal + 90 * kS};  // the wall clock is behind
  const auto granted = desk_->granted(later);
  ASSERT_EQ(granted.size(), 1U) << "a credential is no gateway's";
  EXPECT_EQ(granted[0].id(), asked.event.id);
  EXPECT_EQ(granted[0].host(), "new.example.org");
  EXPECT_EQ(granted[0].port(), 443U);
  EXPECT_EQ(granted[0].mode(), "passthrough");
  EXPECT_EQ(granted[0].left_ms(), 500'000U);
  EXPECT_FALSE(granted[0].ended());
  later.mono_ns = now_.mono_ns + 600 * kS;
  EXPECT_TRUE(desk_->granted(later).empty());
}

TEST_F(GrantDeskTest, TheSessionsEndEndsWhatIsGrantedAndWhatIsAsked) {
  const auto granted = ask(subject("new.example.org"));
  ASSERT_TRUE(desk_->take(approval(granted, kReal + 60 * kS), now_).has_value());
  const auto open = ask(subject("other.example.org"));
  ASSERT_TRUE(open.request.has_value());
  const auto ended = desk_->end_all();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].event.action, "ended");
  EXPECT_EQ(ended[0].event.id, granted.event.id);
  EXPECT_EQ(ended[0].event.reason, "the session has ended");
  EXPECT_TRUE(ended[0].gateway.has_value());
  EXPECT_TRUE(desk_->end_all().empty()) << "once";
  EXPECT_FALSE(desk_->take(approval(open, kReal + 60 * kS), now_).has_value()) << "too late";
}

TEST_F(GrantDeskTest, AnotherModeIsAnotherRequest) {
  EXPECT_THAT(ask(subject("tls.example.org")).answer.text, HasSubstr("may be reached already"));
  const auto tcp = ask(subject("tls.example.org", "1h", "a test", "tcp"));
  ASSERT_TRUE(tcp.request.has_value()) << tcp.answer.text;
  EXPECT_EQ(tcp.request->mode(), "tcp");
}

TEST_F(GrantDeskTest, ASessionAsksOnlySoOften) {
  for (size_t i = 0; i < GrantDesk::kMostAsked; ++i) {
    const auto asked = ask(subject("n" + std::to_string(i) + ".example.org"));
    ASSERT_TRUE(asked.request.has_value()) << asked.answer.text;
    protocol::GrantAnswer refusal = approval(asked, 0);
    refusal.set_approved(false);
    ASSERT_TRUE(desk_->take(refusal, now_).has_value());
  }
  EXPECT_THAT(ask(subject("last.example.org")).answer.text, HasSubstr("too many requests"));
}

TEST_F(GrantDeskTest, AnAnswerToSomethingElseChangesNothing) {
  const auto asked = ask(subject("a.example", "1h"));
  auto other = approval(asked, kReal + 60 * kS);
  other.set_text_sha256(std::string(32, 'x'));
  EXPECT_FALSE(desk_->take(other, now_).has_value()) << "another text";
  other = approval(asked, kReal + 7200 * kS);
  EXPECT_FALSE(desk_->take(other, now_).has_value()) << "longer than asked";
  other = approval(asked, kReal);
  EXPECT_FALSE(desk_->take(other, now_).has_value()) << "over already";
  other = approval(asked, kReal + 60 * kS);
  other.set_id("2");
  EXPECT_FALSE(desk_->take(other, now_).has_value()) << "another request";
  EXPECT_TRUE(desk_->take(approval(asked, kReal + 60 * kS), now_).has_value());
  EXPECT_FALSE(desk_->take(approval(asked, kReal + 60 * kS), now_).has_value()) << "once";
}

TEST_F(GrantDeskTest, ARefusalGrantsNothingAndSaysWhoAndWhy) {
  const auto asked = ask(subject("a.example"));
  protocol::GrantAnswer answer;
  answer.set_id("1");
  answer.set_person("local:0");
  answer.set_reason("use the mirror\x1b[2J");
  answer.set_conflict("own request");
  answer.set_text_sha256(asked.event.text_sha256);
  const auto change = desk_->take(answer, now_);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->event.action, "refused");
  EXPECT_EQ(change->event.reason, "use the mirror\x1b[2J (own request)");
  EXPECT_FALSE(change->gateway.has_value());
  EXPECT_FALSE(change->network.has_value());
  EXPECT_THAT(change->line, HasSubstr("is refused by local:0: use the mirror\\x1b[2J"));
}

TEST_F(GrantDeskTest, WhatNobodyDecidesEndsByItself) {
  ask(subject("a.example", "10m"));
  EXPECT_TRUE(desk_->over({now_.mono_ns, kReal + 599 * kS}).empty());
  const auto over = desk_->over({now_.mono_ns, kReal + 600 * kS});
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].event.reason, "nobody decided in time");
  EXPECT_FALSE(over[0].gateway.has_value());
}

TEST_F(GrantDeskTest, TheTextOfACredentialSaysWhatItIsAndWhoUsesIt) {
  const auto asked = ask_credential("deploy");
  ASSERT_TRUE(asked.request.has_value()) << asked.answer.text;
  EXPECT_EQ(asked.event.what,
            "carrel grant 1\nsession: 01hzw00000000000000000000s\nrequest: 1\nperson: local:1000\n"
            "task: local/fix\ncredential: deploy\n"
            "kind: header (the gateway puts it into requests; it is never inside)\n"
            "from: secret:deploy\nused by: api.example.org\nreason: a test\n"
            "until: 2027-01-15T09:00:00.000000000Z\n");
  EXPECT_EQ(asked.event.text_sha256, evidence::as_view(evidence::sha256(asked.event.what)));
  EXPECT_THAT(asked.answer.text, HasSubstr("asked: request 1: credential deploy (header)"));
  const auto token = ask_credential("ci");
  EXPECT_THAT(token.event.what,
              HasSubstr("kind: jwt (a token in a file inside)\naudience: https://ci\n"
                        "used by: no rule of the network\n"));
}

TEST_F(GrantDeskTest, WhatIsNoCredentialToAskForSaysWhatToDo) {
  for (const char* name : {"other", "", "Deploy", "deploy "}) {
    const auto asked = ask_credential(name);
    EXPECT_EQ(asked.answer.status, 1) << name;
    EXPECT_THAT(asked.answer.text, HasSubstr("what can be asked for: ci, deploy")) << name;
    EXPECT_FALSE(asked.request.has_value());
  }
  const auto start = ask_credential("always");
  EXPECT_EQ(start.answer.status, 0);
  EXPECT_THAT(start.answer.text, HasSubstr("is there from the start: a file below "
                                           "/run/carrel/credentials/always"));
  EXPECT_FALSE(start.request.has_value());
  EXPECT_EQ(ask_credential("ci", "soon").answer.status, 1);
  EXPECT_EQ(ask_credential("ci", "1h", "a\nb").answer.status, 1);
  ASSERT_TRUE(ask_credential("ci").request.has_value());
  EXPECT_THAT(ask_credential("ci").answer.text, HasSubstr("asked already: request 1"));
  EXPECT_TRUE(ask_credential("deploy").request.has_value()) << "another one";
}

TEST_F(GrantDeskTest, AGrantedCredentialHoldsUntilItsMoment) {
  const auto asked = ask_credential("deploy");
  const auto change = desk_->take(approval(asked, kReal + 60 * kS), now_);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->event.action, "approved");
  EXPECT_EQ(change->credential, "deploy");
  EXPECT_EQ(change->credential_until_ns, kReal + 60 * kS);
  EXPECT_FALSE(change->gateway.has_value());
  EXPECT_FALSE(change->network.has_value());
  EXPECT_TRUE(desk_->has_credential("deploy"));
  EXPECT_FALSE(desk_->has_credential("ci"));
  const auto again = ask_credential("deploy");
  EXPECT_EQ(again.answer.status, 0);
  EXPECT_THAT(again.answer.text, HasSubstr("is granted already, until 2027-01-15T08:01:00Z "
                                           "(request 1): the gateway uses it for api.example.org"));
  EXPECT_FALSE(again.request.has_value());
  EXPECT_TRUE(desk_->over({now_.mono_ns + 59 * kS, kReal + 59 * kS}).empty());
  const auto over = desk_->over({now_.mono_ns + 60 * kS, kReal});
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].event.action, "ended");
  EXPECT_EQ(over[0].credential, "deploy");
  EXPECT_EQ(over[0].credential_until_ns, 0U);
  EXPECT_FALSE(over[0].gateway.has_value());
  EXPECT_FALSE(desk_->has_credential("deploy"));
  EXPECT_TRUE(ask_credential("deploy").request.has_value()) << "it can be asked for again";
}

TEST_F(GrantDeskTest, AnUndecidedOrRefusedCredentialIsNone) {
  const auto asked = ask_credential("deploy", "10m");
  auto refusal = approval(asked, 0);
  refusal.set_approved(false);
  const auto change = desk_->take(refusal, now_);
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->credential, "");
  ask_credential("deploy", "10m");
  const auto over = desk_->over({now_.mono_ns, kReal + 600 * kS});
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].credential, "");
  EXPECT_FALSE(desk_->has_credential("deploy"));
}

TEST_F(GrantDeskTest, ACredentialThatThereIsNoneOfEndsItsGrant) {
  EXPECT_FALSE(desk_->fail_credential("deploy", "none").has_value());
  const auto asked = ask_credential("deploy");
  ASSERT_TRUE(desk_->take(approval(asked, kReal + 60 * kS), now_).has_value());
  EXPECT_FALSE(desk_->fail_credential("", "none").has_value());
  const auto change = desk_->fail_credential("deploy", "there is none: no file");
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->event.reason, "there is none: no file");
  EXPECT_EQ(change->credential, "deploy");
  EXPECT_FALSE(desk_->has_credential("deploy"));
  EXPECT_TRUE(desk_->end_all().empty());
}

}  // namespace
}  // namespace carrel::session
