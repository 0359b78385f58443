// A disk that fails, once, at every place where the broker relies on it (strace injects the error
// from outside; nothing in the broker knows of it).

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/sandbox/broker/broker_process.h"
#include "tests/unit/broker/service/monitor/session_maker.h"

namespace carrel::sandbox_test {
namespace {

using evidence::SealState;
using protocol::Connection;
using protocol::Message;
using protocol::Type;
using support::SessionMaker;

struct Outcome {
  bool ready = false;    // the broker started
  bool started = false;  // the session did
  size_t acknowledged = 0;
  bool closed = false;
  std::string session;
};

bool sealed(Connection& channel, const Message& message, Outcome& outcome) {
  if (!channel.send(message.type, message.body).ok()) return false;
  const Message answer = next_frame(channel);
  if (answer.type != Type::kSealed) return false;
  ++outcome.acknowledged;
  return true;
}

/// A whole session against a broker whose `when`-th call of `calls` answers EIO.
Outcome run(const Home& home, const std::string& calls, int when) {
  Outcome outcome;
  const std::string inject = "inject=" + calls + ":error=EIO:when=" + std::to_string(when);
  BrokerProcess broker(home, "libexec/carrel/carrel-broker",
                       {"strace", "-o", home.trace_path(), "-e", "trace=" + calls, "-e", inject});
  try {
    outcome.ready = broker.hello().type == Type::kBrokerReady;
    if (!outcome.ready) {
      broker.wait_for_end();
      return outcome;
    }
    Connection channel = broker.start_session(&outcome.session);
    outcome.started = true;
    SessionMaker maker(outcome.session);
    maker.add(maker.first_event());
    const auto block = maker.block();
    if (!channel.send(block.type, block.body).ok()) return outcome;
    if (!sealed(channel, maker.seal(SealState::kOpen), outcome)) return outcome;
    maker.add(events::RecorderEnd{"command", 0, 0, 0, 0, {}});
    const auto last = maker.block();
    if (!channel.send(last.type, last.body).ok()) return outcome;
    outcome.closed = sealed(channel, maker.seal(SealState::kClosed), outcome);
  } catch (const std::runtime_error&) {
    // A refusal by the broker, of whatever kind, ends the run; what counts is what it left.
  }
  broker.close_launcher_channel();
  broker.wait_for_end();
  return outcome;
}

/// Fails every call in turn until a run makes fewer; answers how many failures were noticed.
int fail_each(const std::string& calls) {
  int noticed = 0;
  for (int when = 1; when < 100; ++when) {
    const Home home;
    const Outcome outcome = run(home, calls, when);
    BrokerProcess again(home);
    EXPECT_EQ(again.hello().type, Type::kBrokerReady) << calls << " " << when << home.log();
    if (outcome.started) {
      EXPECT_EQ(again.row(outcome.session).state(), outcome.closed ? "closed" : "broken")
          << calls << " " << when;
      EXPECT_GE(home.seals(outcome.session).size(), outcome.acknowledged) << calls << " " << when;
    }
    if (home.trace().find("(INJECTED)") == std::string::npos) {
      EXPECT_TRUE(outcome.closed) << home.log();
      return noticed;
    }
    if (!outcome.closed) ++noticed;
  }
  ADD_FAILURE() << "never got through";
  return -1;
}

TEST(BrokerDisk, AcknowledgesNothingThatWasNotSynced) {
  // Two keys, policy, JWKS; segment and seal at the first seal; segment and seal at the last: fewer
  // would mean that a sync is missing.
  EXPECT_GE(fail_each("fdatasync"), 8);
}

TEST(BrokerDisk, AcknowledgesNothingInAFolderThatWasNotSynced) {
  EXPECT_GE(fail_each("fsync"), 5);
}

TEST(BrokerDisk, StartsAnewAfterARenameThatFailed) {
  EXPECT_GE(fail_each("renameat"), 3);
}

}  // namespace
}  // namespace carrel::sandbox_test
