// Requests of sessions for more than their profile: who sees them, who decides, and how.

#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/service/people/standalone.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

constexpr uint64_t kS = 1'000'000'000;
constexpr uid_t kOther = 1001;

struct GrantsDesk : Desk {
  explicit GrantsDesk(uid_t owner = kUid) {
    EXPECT_TRUE(people::register_owner(*catalogue, owner).ok());
    session = live();
  }
  Result<std::vector<Reply>> request(const std::string& id, uint64_t for_s = 3600,
                                     const std::string& host = "a.example") {
    protocol::GrantRequest request;
    request.set_id(id);
    request.set_host(host);
    request.set_port(443);
    request.set_mode("passthrough");
    request.set_reason("a test");
    request.set_until_ns(now_ns + for_s * kS);
    return monitor.take_from_session(session,
                                     message(Type::kGrantRequest, request.SerializeAsString()));
  }
  std::vector<protocol::ApprovalRow> rows(uid_t uid = kUid) {
    const Reply reply = monitor.answer_client(uid, message(Type::kApprovalsRequest, ""));
    protocol::ApprovalsReply body;
    EXPECT_EQ(reply.type, Type::kApprovalsReply);
    body.ParseFromString(reply.body);
    return {body.rows().begin(), body.rows().end()};
  }
  protocol::DecideRequest decision(bool approve, const std::string& id = "1") {
    protocol::DecideRequest request;
    request.set_session(session);
    request.set_id(id);
    request.set_approve(approve);
    request.set_reason("because");
    const auto all = rows();
    if (!all.empty()) request.set_text_sha256(all.front().text_sha256());
    return request;
  }
  Reply decide(const protocol::DecideRequest& request, uid_t uid = kUid) {
    return monitor.answer_client(uid, message(Type::kDecideRequest, request.SerializeAsString()));
  }
  std::string refusal(const protocol::DecideRequest& request, uid_t uid = kUid) {
    return failure_of(decide(request, uid)).text();
  }
  std::string session;
};

TEST(Grants, AreShownAsTheyAreAskedAndDecidedOnce) {
  GrantsDesk desk;
  ASSERT_TRUE(desk.request("1").ok());
  const auto rows = desk.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].session(), desk.session);
  EXPECT_NE(rows[0].text().find("network: a.example\nport: 443\n"), std::string::npos);
  EXPECT_EQ(rows[0].text_sha256(), evidence::as_view(evidence::sha256(rows[0].text())));
  const Reply reply = desk.decide(desk.decision(true));
  ASSERT_EQ(reply.type, Type::kDecideReply) << Desk::failure_of(reply).text();
  const auto told = desk.monitor.take_told();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].session, desk.session);
  protocol::GrantAnswer answer;
  ASSERT_EQ(told[0].message.type, Type::kGrantAnswer);
  ASSERT_TRUE(answer.ParseFromString(told[0].message.body));
  EXPECT_TRUE(answer.approved());
  EXPECT_EQ(answer.person(), "local:1000");
  EXPECT_EQ(answer.reason(), "because");
  EXPECT_EQ(answer.text_sha256(), rows[0].text_sha256());
  EXPECT_EQ(answer.until_ns(), rows[0].request().until_ns());
  EXPECT_EQ(answer.conflict(), "own request: not an independent approval");
  EXPECT_TRUE(desk.rows().empty());
  EXPECT_NE(desk.refusal(desk.decision(true)).find("no open request 1"), std::string::npos);
  EXPECT_NE(desk.log.find("grant.approved session=" + desk.session), std::string::npos);
}

TEST(Grants, OneOfSeveralIsShownByItsNumber) {
  GrantsDesk desk;
  for (const char* id : {"1", "2", "3"})
    ASSERT_TRUE(desk.request(id, 3600, std::string("h") + id + ".example").ok());
  protocol::ApprovalsRequest wanted;
  wanted.set_session(desk.session);
  wanted.set_id("2");
  const auto ask = [&desk, &wanted] {
    return desk.monitor.answer_client(
        kUid, Desk::message(Type::kApprovalsRequest, wanted.SerializeAsString()));
  };
  protocol::ApprovalsReply body;
  ASSERT_TRUE(body.ParseFromString(ask().body));
  ASSERT_EQ(body.rows_size(), 1);
  EXPECT_EQ(body.rows(0).request().host(), "h2.example");
  wanted.set_id("4");
  EXPECT_NE(Desk::failure_of(ask()).text().find("no open request 4"), std::string::npos);
}

TEST(Grants, AreForWhatWasShownAndForNoLonger) {
  GrantsDesk desk;
  ASSERT_TRUE(desk.request("1").ok());
  auto other = desk.decision(true);
  other.set_text_sha256(std::string(32, 'x'));
  EXPECT_NE(desk.refusal(other).find("not what was shown"), std::string::npos);
  auto longer = desk.decision(true);
  longer.set_until_ns(desk.now_ns + 3601 * kS);
  EXPECT_NE(desk.refusal(longer).find("never more"), std::string::npos);
  auto over = desk.decision(true);
  over.set_until_ns(desk.now_ns);
  EXPECT_NE(desk.refusal(over).find("has passed"), std::string::npos);
  auto unsaid = desk.decision(false);
  unsaid.clear_reason();
  EXPECT_EQ(Desk::failure_of(desk.decide(unsaid)).code(), 1U);
  EXPECT_TRUE(desk.monitor.take_told().empty());
  auto shorter = desk.decision(true);
  shorter.set_until_ns(desk.now_ns + 60 * kS);
  EXPECT_EQ(desk.decide(shorter).type, Type::kDecideReply);
}

TEST(Grants, AreDecidedByWhoGrantsAndNotByWhoAsks) {
  GrantsDesk desk(0);  // root's folder: the person of the session has no role
  ASSERT_TRUE(desk.request("1").ok());
  EXPECT_TRUE(desk.rows(kUid).empty());
  EXPECT_TRUE(desk.rows(kOther).empty());
  const auto all = desk.rows(0);
  ASSERT_EQ(all.size(), 1U);
  auto decision = desk.decision(true);
  decision.set_text_sha256(all[0].text_sha256());
  EXPECT_NE(desk.refusal(decision, kUid).find("another person decides it"), std::string::npos);
  EXPECT_EQ(Desk::failure_of(desk.decide(decision, kOther)).code(), 2U);
  EXPECT_EQ(desk.decide(decision, 0).type, Type::kDecideReply);
  protocol::GrantAnswer answer;
  ASSERT_TRUE(answer.ParseFromString(desk.monitor.take_told().at(0).message.body));
  EXPECT_EQ(answer.person(), "local:0");
  EXPECT_EQ(answer.conflict(), "");
}

TEST(Grants, EndWithTheirTimeAndTheirSession) {
  GrantsDesk desk;
  ASSERT_TRUE(desk.request("1", 60).ok());
  ASSERT_TRUE(desk.request("2", 3600, "b.example").ok());
  EXPECT_EQ(desk.rows().size(), 2U);
  desk.now_ns += 60 * kS;
  ASSERT_EQ(desk.rows().size(), 1U);
  EXPECT_EQ(desk.rows()[0].request().id(), "2");
  desk.monitor.end_session(desk.session, "gone");
  EXPECT_TRUE(desk.rows().empty());
  EXPECT_NE(desk.refusal(desk.decision(true, "2")).find("requests end with their session"),
            std::string::npos);
}

TEST(Grants, AreTakenFromNoSessionThatAsksOutOfTurn) {
  for (const auto& [id, host] : std::vector<std::pair<std::string, std::string>>{
           {"0", "a"}, {"01", "a"}, {"x", "a"}, {"123456789", "a"}, {"1", "A"}, {"1", "a b"}}) {
    GrantsDesk desk;
    EXPECT_FALSE(desk.request(id, 3600, host).ok()) << id << " " << host;
  }
  GrantsDesk again;
  ASSERT_TRUE(again.request("1").ok());
  EXPECT_FALSE(again.request("1").ok()) << "a number is given once";
  GrantsDesk many;
  for (int i = 1; i <= 16; ++i)
    ASSERT_TRUE(many.request(std::to_string(i)).ok());
  EXPECT_FALSE(many.request("17").ok());
}

}  // namespace
}  // namespace carrel::monitor
