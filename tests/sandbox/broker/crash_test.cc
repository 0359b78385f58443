// kill -9 at every point of a session's life, and stores that are not as they were left.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "broker/record/evidence/note.h"
#include "tests/sandbox/broker/broker_process.h"
#include "tests/support/mode.h"
#include "tests/unit/broker/service/monitor/session_maker.h"

namespace carrel::sandbox_test {
namespace {

using evidence::SealState;
using protocol::Connection;
using protocol::Type;
using support::SessionMaker;

/// The steps of a session; each may be the last before the broker dies.
struct Life {
  explicit Life(const std::string& session) : maker(session) {}
  SessionMaker maker;
  size_t acknowledged = 0;
  bool closed = false;

  void block(Connection& channel) {
    const auto message = maker.block();
    ASSERT_TRUE(channel.send(message.type, message.body).ok());
  }
  void seal(Connection& channel, SealState state) {
    const auto message = maker.seal(state);
    ASSERT_TRUE(channel.send(message.type, message.body).ok());
    ASSERT_EQ(next_frame(channel).type, Type::kSealed);
    ++acknowledged;
    closed = state == SealState::kClosed;
  }
};

const std::vector<std::function<void(Life&, Connection&)>>& steps() {
  static const std::vector<std::function<void(Life&, Connection&)>> all{
      [](Life& l, Connection&) { l.maker.add(l.maker.first_event()); },
      [](Life& l, Connection& c) { l.block(c); },
      [](Life& l, Connection& c) { l.seal(c, SealState::kOpen); },
      [](Life& l, Connection& c) {
        l.maker.add(events::FileProbe{"/x"});
        l.block(c);
      },
      [](Life& l, Connection& c) { l.seal(c, SealState::kRunning); },
      [](Life& l, Connection& c) { l.seal(c, SealState::kClosed); },
  };
  return all;
}

TEST(BrokerCrash, NeverTurnsAnAcknowledgedSealIntoAnythingElse) {
  for (size_t last = 0; last <= steps().size(); ++last) {
    const Home home;
    std::string session;
    size_t acknowledged = 0;
    bool closed = false;
    {
      BrokerProcess broker(home);
      ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
      Connection channel = broker.start_session(&session);
      Life life(session);
      for (size_t i = 0; i < last; ++i)
        steps()[i](life, channel);
      broker.kill_it();
      acknowledged = life.acknowledged;
      closed = life.closed;
    }
    BrokerProcess again(home);
    ASSERT_EQ(again.hello().type, Type::kBrokerReady) << home.log();
    EXPECT_EQ(again.row(session).state(), closed ? "closed" : "broken") << "after step " << last;
    EXPECT_EQ(home.seals(session).size(), acknowledged) << "after step " << last;
  }
}

TEST(BrokerCrash, FillsALostCatalogueFromTheRecords) {
  const Home home;
  std::string session;
  {
    BrokerProcess broker(home);
    ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
    Connection channel = broker.start_session(&session);
    Life life(session);
    for (const auto& step : steps())
      step(life, channel);
    broker.kill_it();
  }
  std::ofstream(home.store() + "/catalogue.sqlite", std::ios::trunc) << std::string(9000, 'x');
  std::filesystem::remove(home.store() + "/catalogue.sqlite-wal");
  BrokerProcess again(home);
  ASSERT_EQ(again.hello().type, Type::kBrokerReady) << home.log();
  EXPECT_NE(home.log().find("catalogue.unusable"), std::string::npos);
  // The record's own first event names the person "local:1000". Root is not them; an ordinary user
  // is not either, but has this store for their own.
  if (support::is_rootless()) {
    EXPECT_EQ(again.row(session).person(), "local:1000");
  } else {
    EXPECT_THROW(again.row(session), std::runtime_error);
  }
  EXPECT_NE(home.log().find("catalogue.rebuilt rows=1"), std::string::npos) << home.log();
}

TEST(BrokerStart, RefusesRecordsWithoutTheKeyThatSignedThem) {
  const Home home;
  std::string session;
  {
    BrokerProcess broker(home);
    ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
    Connection channel = broker.start_session(&session);
  }
  std::filesystem::remove(home.store() + "/keys/broker.ed25519");
  BrokerProcess again(home);
  const auto hello = again.hello();
  ASSERT_EQ(hello.type, Type::kFailure);
  EXPECT_NE(hello.body.find("keys/broker.ed25519 is missing"), std::string::npos);
  EXPECT_NE(again.wait_for_end(), 0);
  EXPECT_FALSE(std::filesystem::exists(home.store() + "/keys/broker.ed25519"));
}

TEST(BrokerStart, RefusesAKeyThatIsCutShort) {
  const Home home;
  mkdir((home.store() + "/keys").c_str(), 0700);
  std::ofstream(home.store() + "/keys/broker.ed25519") << "short";
  ASSERT_EQ(chown((home.store() + "/keys").c_str(), broker_uid(), broker_uid()), 0);
  ASSERT_EQ(chown((home.store() + "/keys/broker.ed25519").c_str(), broker_uid(), broker_uid()), 0);
  BrokerProcess broker(home);
  const auto hello = broker.hello();
  ASSERT_EQ(hello.type, Type::kFailure);
  EXPECT_NE(hello.body.find("32-byte seed"), std::string::npos);
}

TEST(BrokerStart, SaysThatItCannotWriteItsStore) {
  const Home home;
  ASSERT_EQ(chown(home.store().c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(home.store().c_str(), support::is_rootless() ? 0555 : 0755), 0);
  BrokerProcess broker(home);
  const auto hello = broker.hello();
  ASSERT_EQ(hello.type, Type::kFailure);
  EXPECT_NE(hello.body.find("make folder sessions: EACCES"), std::string::npos) << hello.body;
  EXPECT_TRUE(std::filesystem::is_empty(home.store()));
}

protocol::BrokerReady ready_of(BrokerProcess& broker) {
  return protocol::parse_message<protocol::BrokerReady>(broker.hello()).take();
}

TEST(BrokerStart, KeepsItsKeysOverARestartButThatOfTickets) {
  const Home home;
  protocol::BrokerReady first;
  {
    BrokerProcess broker(home);
    first = ready_of(broker);
  }
  BrokerProcess again(home);
  const protocol::BrokerReady second = ready_of(again);
  EXPECT_EQ(second.vkey(), first.vkey());
  EXPECT_EQ(second.ticket_key().size(), 32U);
  EXPECT_NE(second.ticket_key(), first.ticket_key());
}

}  // namespace
}  // namespace carrel::sandbox_test
