// The broker's service over its real sockets.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>

#include "broker/record/evidence/note.h"
#include "broker/record/evidence/policy.h"
#include "broker/record/verify/verify.h"
#include "broker/wire/client/broker_client.h"
#include "profiles/base/text.h"
#include "tests/sandbox/broker/broker_process.h"
#include "tests/unit/broker/service/monitor/session_maker.h"

namespace carrel::sandbox_test {
namespace {

using evidence::SealState;
using protocol::Connection;
using protocol::Message;
using protocol::Type;
using support::SessionMaker;

void send(Connection& channel, const Message& message) {
  ASSERT_TRUE(channel.send(message.type, message.body).ok());
}

/// Event 0 and seal 0, acknowledged.
void begin(Connection& channel, SessionMaker& maker) {
  maker.add(maker.first_event());
  send(channel, maker.block());
  send(channel, maker.seal(SealState::kOpen));
  ASSERT_EQ(next_frame(channel).type, Type::kSealed);
}

void finish(Connection& channel, SessionMaker& maker, int code) {
  send(channel, maker.seal(SealState::kClosed));
  ASSERT_EQ(next_frame(channel).type, Type::kSealed);
  protocol::EndSession end;
  end.set_by("command");
  end.set_code(code);
  ASSERT_TRUE(protocol::send_message(channel, Type::kEndSession, end).ok());
  channel.close();
}

protocol::SessionGone gone(const std::string& session) {
  protocol::SessionGone message;
  message.set_session(session);
  message.set_how("exited");
  return message;
}

/// The first part of a token that the broker makes now, for a session of its own: it names the key.
std::string signer(BrokerProcess& broker) {
  std::string session;
  Connection channel = broker.start_session(&session);
  SessionMaker maker(session);
  begin(channel, maker);
  protocol::MintCredential mint;
  mint.set_name("registry");
  EXPECT_TRUE(protocol::send_message(channel, Type::kMintCredential, mint).ok());
  const auto minted = protocol::parse_message<protocol::Minted>(next_frame(channel)).take();
  return minted.token().substr(0, minted.token().find('.'));
}

size_t published(const Home& home) {
  const std::string jwks = home.read("jwks.json");
  size_t keys = 0;
  for (size_t at = 0; (at = jwks.find("\"kid\"", at)) != std::string::npos; ++at)
    ++keys;
  return keys;
}

bool becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < 200; ++i) {
    if (condition()) return true;
    usleep(50'000);
  }
  return false;
}

/// The key of tokens with the highest time was made so many seconds ago.
void age_newest_key(const Home& home, uint64_t seconds) {
  constexpr std::string_view kPrefix = "tokens.ed25519.";
  uint64_t newest = 0;
  const std::filesystem::path keys = home.store() + "/keys";
  for (const auto& file : std::filesystem::directory_iterator(keys)) {
    const std::string name = file.path().filename();
    if (name.starts_with(kPrefix))
      newest = std::max<uint64_t>(newest, std::stoull(name.substr(kPrefix.size())));
  }
  const auto named = [&](uint64_t made) {
    return keys / (std::string(kPrefix) + std::to_string(made));
  };
  std::filesystem::rename(named(newest),
                          named(static_cast<uint64_t>(std::time(nullptr)) - seconds));
}

TEST(BrokerService, ChangesKeysOfTokensWhileItRuns) {
  constexpr uint64_t kMonth = uint64_t{31} * 86400;
  const Home home;
  BrokerProcess broker(home, "tests/carrel_broker_probe");  // looks ten times a second
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  const std::string first = signer(broker);
  ASSERT_NE(first, "");
  EXPECT_EQ(published(home), 1U);
  age_newest_key(home, kMonth);
  ASSERT_TRUE(becomes([&] { return published(home) == 2; })) << home.log();
  EXPECT_EQ(signer(broker), first) << "nobody can know the other one yet";
  age_newest_key(home, 301);
  std::string second;
  ASSERT_TRUE(becomes([&] { return (second = signer(broker)) != first; })) << home.log();
  EXPECT_EQ(published(home), 2U) << "tokens of the first live still";
  age_newest_key(home, 2000);
  ASSERT_TRUE(becomes([&] { return published(home) == 1; })) << home.log();
  EXPECT_EQ(signer(broker), second);
  EXPECT_NE(home.log().find("broker.keys.changed"), std::string::npos);
}

TEST(BrokerService, CarriesASessionFromTicketToRecord) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  std::string session;
  Connection channel = broker.start_session(&session);
  SessionMaker maker(session);
  begin(channel, maker);
  EXPECT_EQ(broker.row(session).state(), "running");
  protocol::MintCredential mint;
  mint.set_name("registry");
  ASSERT_TRUE(protocol::send_message(channel, Type::kMintCredential, mint).ok());
  const auto minted = protocol::parse_message<protocol::Minted>(next_frame(channel)).take();
  EXPECT_EQ(minted.audience(), "registry.example");
  EXPECT_EQ(minted.jwks(), home.read("jwks.json"));
  maker.add(events::RecorderEnd{"command", 3, 0, 0, 0, {}});
  send(channel, maker.block());
  finish(channel, maker, 3);
  // The supervisor's last words are in the channel before the launcher's word of its end.
  ASSERT_EQ(broker.launcher_call(Type::kSessionGone, gone(session).SerializeAsString()).type,
            Type::kAck);
  const protocol::SessionRow row = broker.row(session);
  EXPECT_EQ(row.state(), "closed");
  EXPECT_EQ(row.end_by(), "command");
  EXPECT_EQ(row.end_code(), 3);
  EXPECT_EQ(row.person(), "local:" + std::to_string(client_uid()));
  EXPECT_EQ(home.log().find(minted.token()), std::string::npos);

  protocol::RecordRequest request;
  request.set_session("last");
  request.set_action("show");
  const Message answer = broker.client_call(Type::kRecordRequest, request.SerializeAsString());
  ASSERT_EQ(answer.type, Type::kRecordReply);
  ASSERT_EQ(answer.fds.size(), 1U);
  const auto reader = segments::RecordReader::open(answer.fds[0].get()).take();
  EXPECT_EQ(reader.seals().take().size(), 2U);
  EXPECT_EQ(
      openat(answer.fds[0].get(), "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 || getuid() == 0,
      true);
}

TEST(BrokerService, CountsTheLastWordsOfASupervisorThatIsGone) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  std::string session;
  Connection channel = broker.start_session(&session);
  SessionMaker maker(session);
  maker.add(maker.first_event());
  // All at once, no answer awaited: more than one read of the broker's.
  Connection& c = channel;
  send(c, maker.block());
  send(c, maker.seal(SealState::kOpen));
  for (int i = 0; i < 100; ++i) {
    maker.add(events::FileProbe{std::string(1000, static_cast<char>('a' + i % 26))});
    send(c, maker.block());
  }
  send(c, maker.seal(SealState::kClosed));
  channel.close();
  ASSERT_EQ(broker.launcher_call(Type::kSessionGone, gone(session).SerializeAsString()).type,
            Type::kAck);
  EXPECT_EQ(broker.row(session).state(), "closed");
  EXPECT_EQ(broker.row(session).events(), 101U);
}

TEST(BrokerService, DropsOnlyThePeerThatBreaksTheProtocol) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  std::string good_session;
  std::string bad_session;
  Connection good = broker.start_session(&good_session);
  Connection bad = broker.start_session(&bad_session);
  SessionMaker maker(good_session);
  begin(good, maker);
  Connection client = broker.connect();
  const std::string garbage(64, '\xFF');
  ASSERT_EQ(write(client.fd(), garbage.data(), garbage.size()), 64);
  EXPECT_THROW(next_frame(client), std::runtime_error);
  ASSERT_EQ(write(bad.fd(), garbage.data(), garbage.size()), 64);
  EXPECT_EQ(next_frame(bad).type, Type::kFailure);
  EXPECT_THROW(next_frame(bad), std::runtime_error);
  EXPECT_EQ(broker.row(bad_session).state(), "broken");
  EXPECT_EQ(broker.row(good_session).state(), "running");
  finish(good, maker, 0);
}

TEST(BrokerService, KeepsASupervisorOutOfOtherRecords) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  std::string mine;
  std::string other;
  Connection channel = broker.start_session(&mine);
  Connection others = broker.start_session(&other);
  SessionMaker maker(other);
  maker.add(maker.first_event());
  send(channel, maker.seal(SealState::kOpen));
  EXPECT_EQ(next_frame(channel).type, Type::kFailure);
  EXPECT_EQ(home.read("sessions/" + other + "/seals.notes"), "");
  EXPECT_EQ(home.read("sessions/" + mine + "/seals.notes"), "");
  EXPECT_EQ(broker.row(other).state(), "running");
}

TEST(BrokerService, EndsWithTheLaunchersChannel) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  broker.close_launcher_channel();
  EXPECT_EQ(broker.wait_for_end(), 0) << home.log();
}

TEST(BrokerService, LetsASessionCloseWhenTheLauncherHasGone) {
  const Home home;
  std::string session;
  {
    BrokerProcess broker(home);
    ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
    Connection channel = broker.start_session(&session);
    SessionMaker maker(session);
    begin(channel, maker);
    broker.close_launcher_channel();
    finish(channel, maker, 0);
    EXPECT_EQ(broker.wait_for_end(), 0) << home.log();
  }
  BrokerProcess again(home);
  ASSERT_EQ(again.hello().type, Type::kBrokerReady) << home.log();
  EXPECT_EQ(again.row(session).state(), "closed");
}

TEST(BrokerService, SaysThatItsStoreIsFullAndCallsTheSessionBroken) {
  const Home home;
  const std::string uid = std::to_string(broker_uid());
  ASSERT_EQ(mount("none", home.store().c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                  ("size=1m,mode=0700,uid=" + uid + ",gid=" + uid).c_str()),
            0);
  {
    BrokerProcess broker(home);
    ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
    std::string session;
    Connection channel = broker.start_session(&session);
    SessionMaker maker(session);
    begin(channel, maker);
    protocol::BlobPart part;
    part.set_sha256(std::string(32, 'x'));
    part.set_bytes(std::string(1 << 20, 'x'));
    ASSERT_TRUE(protocol::send_message(channel, Type::kBlobPart, part).ok());
    const Message answer = next_frame(channel);
    ASSERT_EQ(answer.type, Type::kFailure);
    const auto failure = protocol::parse_message<protocol::Failure>(answer).take();
    EXPECT_NE(failure.text().find("store full"), std::string::npos) << failure.text();
    EXPECT_NE(failure.text().find("ENOSPC"), std::string::npos) << failure.text();
    EXPECT_EQ(broker.row(session).state(), "broken");
    EXPECT_EQ(home.seals(session).size(), 1U);
  }
  EXPECT_EQ(umount2(home.store().c_str(), MNT_DETACH), 0);
}

TEST(BrokerService, AnswersTheTypedClient) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  const std::string run = std::filesystem::path(home.socket()).parent_path();
  const UniqueFd run_fd(open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto client = client::BrokerClient::connect(run_fd.get()).take();
  EXPECT_TRUE(client.sessions().take().empty());
  EXPECT_FALSE(client.record("last", "show").ok());
  EXPECT_EQ(client.refusal().code, 2);
  EXPECT_TRUE(client.open(open_request()).ok());
  protocol::OpenRequest forged = open_request();
  forged.set_canonical(forged.canonical() + " ");
  EXPECT_FALSE(client.open(forged).ok());
  EXPECT_EQ(client.refusal().code, 120);
}

}  // namespace
}  // namespace carrel::sandbox_test
