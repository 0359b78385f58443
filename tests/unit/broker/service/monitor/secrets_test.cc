// Credentials that are made from a secret of the admin's: asked for, answered, refused.

#include <gtest/gtest.h>

#include "broker/service/monitor/secret_desk.h"
#include "tests/unit/broker/service/monitor/desk.h"

namespace carrel::monitor {
namespace {

constexpr uint64_t kS = 1'000'000'000;

Message mint_message(bool renewal, bool again = false) {
  protocol::MintCredential body;
  body.set_name("secret");
  body.set_renewal(renewal);
  body.set_again(again);
  return {Type::kMintCredential, body.SerializeAsString(), {}};
}

/// A session that has asked for its secret, and the question that came of it.
struct Asking {
  explicit Asking(const std::string& source = "source file") : session(desk.live(source)) {
    question = ask(false);
  }
  protocol::SecretRequest ask(bool renewal, bool again = false) {
    const auto replies = desk.monitor.take_from_session(session, mint_message(renewal, again));
    EXPECT_TRUE(replies.ok() && replies.value().empty());
    auto asked = desk.monitor.take_asked();
    EXPECT_EQ(asked.size(), 1U);
    EXPECT_TRUE(desk.monitor.take_asked().empty());
    return asked.at(0);
  }
  /// What the session was told.
  std::optional<protocol::Minted> told() {
    const auto all = desk.monitor.take_told();
    if (all.empty()) return std::nullopt;
    EXPECT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].session, session);
    EXPECT_EQ(all[0].message.type, Type::kMinted);
    protocol::Minted minted;
    EXPECT_TRUE(minted.ParseFromString(all[0].message.body));
    return minted;
  }

  Desk desk;
  std::string session;
  protocol::SecretRequest question;
};

TEST(MonitorSecrets, MakeALeaseOfTheAnswer) {
  Asking a;
  EXPECT_EQ(a.question.from(), "secret:ci");
  EXPECT_TRUE(a.desk.monitor.waits_for_secrets());
  a.desk.monitor.take_secret(a.question.id(), Secret("hunter2-a"));
  EXPECT_FALSE(a.desk.monitor.waits_for_secrets());
  const auto first = a.told().value();
  EXPECT_EQ(first.kind(), "file");
  EXPECT_EQ(first.secret(), "hunter2-a");
  EXPECT_EQ(first.not_after(), first.issued() + 120);
  EXPECT_EQ(first.error() + first.token() + first.jwks() + first.private_key(), "");
  // Renewed at half of its life, with what is the secret then.
  a.desk.now_ns += 60 * kS;
  a.desk.monitor.take_secret(a.ask(true).id(), Secret("hunter3"));
  const auto second = a.told().value();
  EXPECT_TRUE(second.renewal());
  EXPECT_EQ(second.secret(), "hunter3");
  EXPECT_NE(second.lease(), first.lease());
  EXPECT_EQ(a.desk.log.find("hunter"), std::string::npos);
}

TEST(MonitorSecrets, RefuseWithTheReason) {
  Asking a;
  a.desk.monitor.take_secret(a.question.id(), Error{"there is no file ci"});
  const auto refusal = a.told().value();
  EXPECT_EQ(refusal.name(), "secret");
  EXPECT_EQ(refusal.error(), "there is no file ci");
  EXPECT_EQ(refusal.lease(), "");
  EXPECT_NE(a.desk.log.find("secret.refused session=" + a.session +
                            " credential=secret why=there is no file ci"),
            std::string::npos)
      << a.desk.log;
  // A supervisor may ask again, after a while.
  a.desk.now_ns += kS;
  a.desk.monitor.take_secret(a.ask(false).id(), Secret("hunter2-a"));
  EXPECT_EQ(a.told()->secret(), "hunter2-a");
}

TEST(MonitorSecrets, RefuseWhatDoesNotFit) {
  Asking a("source header");
  a.desk.monitor.take_secret(a.question.id(), Secret("hunter2\r\nX-Other: 1"));
  const auto refusal = a.told().value();
  EXPECT_EQ(
      refusal.error(),
      "credential secret: what secret:ci gives fits into no header: it holds a line break "
      "or another byte that is no printable ASCII; it has to be 8 bytes to 8 KiB of printable "
      "ASCII, without a space at either end");
  EXPECT_EQ(refusal.secret(), "");
}

/// The gateway that held it has died, and another one is there.
TEST(MonitorSecrets, AreIssuedAgainEightTimesBeforeHalfOfTheirLife) {
  Asking a("source header");
  a.desk.monitor.take_secret(a.question.id(), Secret("hunter2-a"));
  std::string last = a.told()->lease();
  for (int i = 0; i < 8; ++i) {
    a.desk.monitor.take_secret(a.ask(true, true).id(), Secret("hunter2-a"));
    const auto minted = a.told().value();
    EXPECT_TRUE(minted.renewal());
    EXPECT_NE(minted.lease(), last);
    last = minted.lease();
  }
  a.desk.now_ns += 60 * kS;
  a.desk.monitor.take_secret(a.ask(true).id(), Secret("hunter2-a"));  // as ever
  EXPECT_EQ(a.told()->error(), "");
  EXPECT_FALSE(a.desk.monitor.take_from_session(a.session, mint_message(true, true)).ok());
}

TEST(MonitorSecrets, AreNotIssuedAgainWhereNoGatewayHeldThem) {
  {
    Asking file;
    file.desk.monitor.take_secret(file.question.id(), Secret("hunter2-a"));
    EXPECT_FALSE(file.desk.monitor.take_from_session(file.session, mint_message(true, true)).ok());
  }
  Asking none("source header");
  none.desk.monitor.take_secret(none.question.id(), Error{"no"});
  none.desk.now_ns += kS;
  EXPECT_FALSE(none.desk.monitor.take_from_session(none.session, mint_message(true, true)).ok());
}

TEST(MonitorSecrets, EndASessionThatAsksOutOfTurn) {
  {
    Asking twice;
    EXPECT_FALSE(twice.desk.monitor.take_from_session(twice.session, mint_message(false)).ok());
  }
  {
    Asking at_once;
    at_once.desk.monitor.take_secret(at_once.question.id(), Error{"no"});
    EXPECT_FALSE(at_once.desk.monitor.take_from_session(at_once.session, mint_message(false)).ok());
  }
  Asking early;
  early.desk.monitor.take_secret(early.question.id(), Secret("x"));
  early.desk.now_ns += 30 * kS;
  EXPECT_FALSE(early.desk.monitor.take_from_session(early.session, mint_message(true)).ok());
}

TEST(MonitorSecrets, DropAnswersThatNobodyWaitsFor) {
  Asking a;
  a.desk.monitor.take_secret(a.question.id() + 1, Secret("x"));
  EXPECT_FALSE(a.told().has_value());
  a.desk.monitor.end_session(a.session, "over");
  EXPECT_FALSE(a.desk.monitor.waits_for_secrets());
  a.desk.monitor.take_secret(a.question.id(), Secret("x"));
  EXPECT_FALSE(a.told().has_value());
}

TEST(MonitorSecrets, GiveNothingToARecordThatIsClosed) {
  Desk desk;
  const std::string session = desk.live("source file");
  SessionMaker maker(session);
  begin(desk, maker, session);
  ASSERT_TRUE(desk.monitor.take_from_session(session, mint_message(false)).ok());
  const auto asked = desk.monitor.take_asked();
  ASSERT_TRUE(desk.monitor.take_from_session(session, maker.seal(SealState::kClosed)).ok());
  desk.monitor.take_secret(asked.at(0).id(), Secret("x"));
  EXPECT_TRUE(desk.monitor.take_told().empty());
}

TEST(MonitorSecrets, RefuseWhatIsNotAnsweredInTime) {
  Asking a;
  a.desk.now_ns += kSecretPatienceNs;
  a.desk.monitor.refuse_secrets(Error{"no answer"}, false);
  EXPECT_FALSE(a.told().has_value());
  a.desk.now_ns += 1;
  a.desk.monitor.refuse_secrets(Error{"no answer"}, false);
  EXPECT_EQ(a.told()->error(), "no answer");
  a.desk.now_ns += kS;
  (void)a.ask(false);
  a.desk.monitor.refuse_secrets(Error{"gone"}, true);
  EXPECT_EQ(a.told()->error(), "gone");
}

TEST(MonitorSecrets, AreNotAskedForByAProfileThatMixesThemUp) {
  Desk desk;
  const auto refused = [&desk](const std::string& source) {
    auto request = Desk::open_request();
    request.set_profile_source(source);
    return Desk::failure_of(desk.ask_open(request)).text();
  };
  EXPECT_EQ(refused("source crossed"),
            "credential secret: from has to be \"secret:NAME\" for a credential of kind file");
  EXPECT_EQ(refused("source ssh"), "credential secret: its kind is not supported yet");
}

}  // namespace
}  // namespace carrel::monitor
