// Whether a token still lives: until its session's end begins, however the broker learns of it, and
// while the broker remembers its lease.

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/service/people/standalone.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

constexpr uint64_t kS = 1'000'000'000;
constexpr uid_t kStranger = 4711;
constexpr std::string_view kInactive = R"({"active":false})";

struct TokenDesk : Desk {
  explicit TokenDesk(const std::string& source = "source") {
    EXPECT_TRUE(people::register_owner(*catalogue, kUid).ok());
    session = live(source);
  }
  Result<std::vector<Reply>> send(Type type, const std::string& body) {
    return monitor.take_from_session(session, message(type, body));
  }
  std::string mint(bool renewal = false) {
    protocol::MintCredential body;
    body.set_name("registry");
    body.set_renewal(renewal);
    const auto replies = send(Type::kMintCredential, body.SerializeAsString());
    protocol::Minted minted;
    EXPECT_TRUE(replies.ok() && minted.ParseFromString(replies.value().at(0).body));
    EXPECT_NE(minted.token(), "");
    return minted.token();
  }
  Reply ask(const std::string& token, uid_t uid = kStranger) {
    protocol::TokenRequest request;
    request.set_token(token);
    return monitor.answer_client(uid, message(Type::kTokenRequest, request.SerializeAsString()));
  }
  std::string json(const std::string& token) {
    const Reply reply = ask(token);
    protocol::TokenReply body;
    EXPECT_EQ(reply.type, Type::kTokenReply);
    body.ParseFromString(reply.body);
    return body.json();
  }
  bool is_active(const std::string& token) {
    const std::string answer = json(token);
    const bool active = answer.starts_with(R"({"active":true,)");
    EXPECT_EQ(answer, active ? answer : std::string(kInactive));
    return active;
  }
  void state(bool ending) {
    protocol::SessionState state;
    state.set_started(true);
    state.set_ending(ending);
    ASSERT_TRUE(send(Type::kSessionState, state.SerializeAsString()).ok());
  }
  Reply order(const std::string& word) {
    protocol::OrderRequest request;
    request.set_session(session);
    request.set_order(word);
    request.set_reason("a test");
    return monitor.answer_client(kUid, message(Type::kOrderRequest, request.SerializeAsString()));
  }
  std::string session;
};

TEST(Tokens, LiveWithTheirSessionWhoeverAsks) {
  TokenDesk desk;
  const std::string token = desk.mint();
  EXPECT_TRUE(desk.is_active(token));
  EXPECT_NE(desk.json(token).find(R"("sid":")" + desk.session + "\""), std::string::npos);
  desk.state(false);
  EXPECT_TRUE(desk.is_active(token));
}

TEST(Tokens, EndWithTheOrderToClose) {
  TokenDesk desk;
  const std::string token = desk.mint();
  desk.state(false);
  EXPECT_TRUE(desk.is_active(token));
  EXPECT_EQ(desk.order("close").type, Type::kOrderReply);
  EXPECT_FALSE(desk.is_active(token)) << "before the session was told";
  desk.state(false);
  EXPECT_FALSE(desk.is_active(token)) << "a supervisor cannot take it back";
  EXPECT_EQ(desk.monitor.take_told().size(), 1U);
}

TEST(Tokens, StayGoodOfASessionThatIsPaused) {
  TokenDesk desk;
  const std::string token = desk.mint();
  protocol::SessionState state;
  state.set_started(true);
  state.set_can_pause(true);
  ASSERT_TRUE(desk.send(Type::kSessionState, state.SerializeAsString()).ok());
  EXPECT_EQ(desk.order("pause").type, Type::kOrderReply);
  EXPECT_TRUE(desk.is_active(token));
}

TEST(Tokens, EndWhenTheSupervisorSaysThatTheEndHasBegun) {
  TokenDesk desk;
  const std::string token = desk.mint();
  desk.state(true);
  EXPECT_FALSE(desk.is_active(token));
  desk.state(false);
  EXPECT_FALSE(desk.is_active(token));
  desk.now_ns += 60 * kS;
  EXPECT_FALSE(desk.is_active(desk.mint(true))) << "nor is one that is minted after it";
}

TEST(Tokens, EndWithTheClosingSeal) {
  TokenDesk desk;
  const std::string token = desk.mint();
  SessionMaker maker(desk.session);
  begin(desk, maker, desk.session);
  EXPECT_TRUE(desk.is_active(token));
  ASSERT_TRUE(desk.monitor.take_from_session(desk.session, maker.seal(SealState::kClosed)).ok());
  EXPECT_FALSE(desk.is_active(token)) << "before kEndSession";
}

TEST(Tokens, EndWithTheChannel) {
  TokenDesk desk;
  const std::string token = desk.mint();
  desk.monitor.end_session(desk.session, "channel closed");
  EXPECT_FALSE(desk.is_active(token));
}

TEST(Tokens, EndWithASupervisorThatBreaksTheProtocol) {
  TokenDesk desk;
  const std::string token = desk.mint();
  EXPECT_FALSE(desk.send(Type::kOpenRequest, "").ok());
  EXPECT_FALSE(desk.is_active(token));
}

TEST(Tokens, EndWithTheirTask) {
  TokenDesk desk("source");
  const std::string token = desk.mint();
  protocol::TaskEndRequest request;
  request.set_name("demo");
  request.set_reason("over");
  const Reply reply = desk.monitor.answer_client(
      kUid, Desk::message(Type::kTaskEndRequest, request.SerializeAsString()));
  ASSERT_EQ(reply.type, Type::kTaskEndReply) << Desk::failure_of(reply).text();
  EXPECT_FALSE(desk.is_active(token));
}

TEST(Tokens, OfARenewedLeaseAreGoodUntilTheirOwnEnd) {
  TokenDesk desk;
  std::vector<std::string> tokens{desk.mint()};
  for (int i = 0; i < 3; ++i) {
    desk.now_ns += 60 * kS;
    tokens.push_back(desk.mint(true));
    EXPECT_TRUE(desk.is_active(tokens.back()));
  }
  // At 180 s: those of 60 s (which ends now) and before are over.
  EXPECT_FALSE(desk.is_active(tokens[0]));
  EXPECT_FALSE(desk.is_active(tokens[1]));
  EXPECT_TRUE(desk.is_active(tokens[2]));
  EXPECT_TRUE(desk.is_active(tokens[3]));
}

TEST(Tokens, OfAnotherSessionEndByThemselves) {
  TokenDesk desk;
  const std::string first = desk.session;
  const std::string token = desk.mint();
  const auto body = desk.opened("source other");
  ASSERT_EQ(desk.confirm(body.ticket()).type, Type::kSessionSpec);
  ASSERT_EQ(desk.start(body.session()).reply.type, Type::kAck);
  desk.session = body.session();
  const std::string other = desk.mint();
  EXPECT_TRUE(desk.is_active(token));
  EXPECT_TRUE(desk.is_active(other));
  desk.monitor.end_session(first, "channel closed");
  EXPECT_FALSE(desk.is_active(token));
  EXPECT_TRUE(desk.is_active(other));
}

TEST(Tokens, OfALeaseThatThisSessionNeverHadAreNone) {
  TokenDesk desk;
  (void)desk.mint();
  const credentials::Holder holder{
      desk.session, "local/demo", "demo", 3,
      "local:1000", "",           {},     {{"registry", "r.example", 120}}};
  const auto lease = desk.issuer.mint(holder, "registry").take();
  EXPECT_FALSE(desk.is_active(std::string(lease.token.expose())));
  EXPECT_NE(desk.log.find("state=lease jti=" + lease.id), std::string::npos);
}

TEST(Tokens, AreRememberedOfOneCredentialAtMostEightTheNewest) {
  TokenDesk desk("source tiny");
  std::vector<std::string> tokens{desk.mint()};
  for (int i = 0; i < 8; ++i)
    tokens.push_back(desk.mint(true));  // a life so short may be renewed at once
  EXPECT_FALSE(desk.is_active(tokens[0]));
  for (size_t i = 1; i < tokens.size(); ++i)
    EXPECT_TRUE(desk.is_active(tokens[i])) << i;
}

TEST(Tokens, OfAGrantThatAnotherReplacedAreOver) {
  TokenDesk desk("source asked");
  const auto grant = [&desk](const std::string& id) {
    protocol::GrantRequest request;
    request.set_id(id);
    request.set_credential("registry");
    request.set_kind("jwt");
    request.set_audience("r.example");
    request.set_reason("a test");
    request.set_until_ns(desk.now_ns + 60 * kS);
    ASSERT_TRUE(desk.send(Type::kGrantRequest, request.SerializeAsString()).ok());
    protocol::ApprovalsReply rows;
    rows.ParseFromString(
        desk.monitor.answer_client(kUid, Desk::message(Type::kApprovalsRequest, "")).body);
    protocol::DecideRequest decision;
    decision.set_session(desk.session);
    decision.set_id(id);
    decision.set_approve(true);
    decision.set_text_sha256(rows.rows(0).text_sha256());
    ASSERT_EQ(
        desk.monitor
            .answer_client(kUid, Desk::message(Type::kDecideRequest, decision.SerializeAsString()))
            .type,
        Type::kDecideReply);
  };
  grant("1");
  const std::string first = desk.mint();
  EXPECT_TRUE(desk.is_active(first));
  desk.now_ns += 30 * kS;
  grant("2");
  EXPECT_FALSE(desk.is_active(first)) << "its own end is 30 s away";
  const std::string second = desk.mint();
  EXPECT_TRUE(desk.is_active(second));
  desk.now_ns += 60 * kS;
  EXPECT_FALSE(desk.is_active(second)) << "the grant is over, and no token outlives it";
}

TEST(Tokens, AreLoggedByTheirNameAndNeverThemselves) {
  TokenDesk desk;
  const std::string token = desk.mint();
  ASSERT_TRUE(desk.is_active(token));
  EXPECT_NE(desk.log.find("token.introspected uid=4711 state=active jti=01"), std::string::npos)
      << desk.log;
  ASSERT_FALSE(desk.is_active(token + "x"));
  ASSERT_FALSE(desk.is_active("nonsense"));
  EXPECT_NE(desk.log.find("token.introspected uid=4711 state=form jti=\n"), std::string::npos);
  EXPECT_EQ(desk.log.find(token.substr(0, 20)), std::string::npos);
  EXPECT_EQ(desk.log.find("nonsense"), std::string::npos);
}

TEST(Tokens, FillNoLogOfAService) {
  Desk desk(Serves::kGivenTasks);
  protocol::TokenRequest request;
  request.set_token("nonsense");
  for (uint64_t i = 0; i < kLogLines * 3; ++i) {
    EXPECT_EQ(desk.monitor
                  .answer_client(kStranger,
                                 Desk::message(Type::kTokenRequest, request.SerializeAsString()))
                  .type,
              Type::kTokenReply);
  }
  EXPECT_EQ(std::count(desk.log.begin(), desk.log.end(), '\n'), int64_t{kLogLines});
}

TEST(Tokens, ThatAreTooLongAreRefused) {
  TokenDesk desk;
  EXPECT_FALSE(desk.is_active(std::string(credentials::kMaxToken, 'x')));
  const auto refused = Desk::failure_of(desk.ask(std::string(credentials::kMaxToken + 1, 'x')));
  EXPECT_EQ(refused.code(), 1U);
  EXPECT_EQ(refused.text(), "a token has at most 16 KiB");
}

}  // namespace
}  // namespace carrel::monitor
