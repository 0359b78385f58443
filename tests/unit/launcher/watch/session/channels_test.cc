// Further commands at a session: what carrel-init is asked, what the clients hear, what is
// recorded.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include "tests/unit/launcher/watch/session/play.h"

namespace carrel::session {
namespace {

using protocol::Type;

/// The person's end of one more client, and everything it was told.
struct Guest {
  protocol::Connection stream;
  std::string out, notices;
  std::optional<protocol::Started> started;
  std::optional<protocol::Ended> ended;
  bool closed = false;

  void read() {
    if (closed) return;
    const Result<bool> open = stream.fill();
    while (true) {
      const auto message = stream.next();
      ASSERT_TRUE(message.ok());
      if (!message.value().has_value()) break;
      const protocol::Message& frame = *message.value();
      if (frame.type == Type::kStdout) out += frame.body;
      if (frame.type == Type::kNotice || frame.type == Type::kHint) notices += frame.body;
      if (frame.type == Type::kChannelStarted)
        started = protocol::parse_message<protocol::Started>(frame).take();
      if (frame.type == Type::kChannelEnded)
        ended = protocol::parse_message<protocol::Ended>(frame).take();
    }
    closed = !open.ok() || !open.value();
  }
};

Guest attach(Stage& stage, uint32_t channel, bool tty, const std::string& word = "/bin/true") {
  auto ends = protocol::make_socket_pair().take();
  protocol::SessionAttach wanted;
  wanted.set_channel(channel);
  wanted.add_command(word);
  wanted.set_tty(tty);
  wanted.set_columns(91);
  wanted.set_rows(33);
  wanted.set_term("vt100");
  const std::array<int, 1> fds{ends.second.get()};
  EXPECT_TRUE(stage.broker.queue(Type::kSessionAttach, wanted.SerializeAsString(), fds).ok());
  return Guest{protocol::Connection(std::move(ends.first)), {}, {}, {}, {}, false};
}

bool until(Stage& stage, Guest& guest, const std::function<bool()>& done) {
  return stage.until([&] {
    guest.read();
    return done();
  });
}

std::vector<std::string> words_in(const std::string& packet) {
  std::vector<std::string> words;
  for (size_t at = sizeof(init::Spawn); at < packet.size();) {
    words.emplace_back(packet.c_str() + at);
    at += words.back().size() + 1;
  }
  return words;
}

TEST(Channels, ATerminalIsAskedForShownAndRecordedUnderItsNumber) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Guest guest = attach(stage, 2, true);
  ASSERT_TRUE(until(stage, guest, [&] { return stage.spawned.size() == 1; }));
  init::Spawn head{};
  memcpy(&head, stage.spawned[0].data(), sizeof head);
  EXPECT_EQ(head.record.type, init::RecordType::kSpawn);
  EXPECT_EQ(head.record.a, init::kSpawnTerminal);
  EXPECT_EQ(head.record.c, 2);
  EXPECT_EQ(head.argument_count, 1U);
  EXPECT_EQ(head.environment_count, 1U);
  EXPECT_EQ(words_in(stage.spawned[0]), (std::vector<std::string>{"/bin/true", "TERM=vt100"}));
  EXPECT_FALSE(guest.started.has_value());
  int master = -1, slave = -1;
  ASSERT_EQ(openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd ours(slave), theirs(master);
  stage.tell(init::RecordType::kPty, 0, 0, master, 2);
  ASSERT_TRUE(until(stage, guest, [&] { return guest.started.has_value(); }));
  EXPECT_EQ(guest.started->channel(), 2U);
  EXPECT_EQ(guest.started->session(), session_test::kSession);
  winsize size{};
  ASSERT_EQ(ioctl(slave, TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_col, 91);
  EXPECT_EQ(size.ws_row, 33);
  ASSERT_EQ(write(slave, "shown", 5), 5);
  ASSERT_TRUE(until(stage, guest, [&] { return guest.out == "shown"; }));
  EXPECT_EQ(stage.out, "");
  EXPECT_NE(guest.notices.find("recorded as evidence"), std::string::npos);
  stage.tell(init::RecordType::kExited, 5 << 8, 0, -1, 2);
  ASSERT_TRUE(until(stage, guest, [&] { return guest.ended.has_value(); }));
  EXPECT_EQ(guest.ended->by(), "command");
  EXPECT_EQ(guest.ended->code(), 5);
  EXPECT_FALSE(stage.finished.has_value());
  stage.exit_command(0);
  EXPECT_EQ(play.finish().code(), 0);
  stage.end_record();
  const auto output = stage.events_of<events::TerminalOutput>();
  ASSERT_EQ(output.size(), 1U);
  EXPECT_EQ(output[0].channel, "2");
  EXPECT_EQ(stage.events_of<events::TerminalOpened>().size(), 1U);
  const auto ended = stage.events_of<events::TerminalEnded>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].channel, "2");
  EXPECT_EQ(std::get<events::TerminalEnded>(ended[0].data), (events::TerminalEnded{"command", 5}));
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Channels, TheFirstCommandsEndIsNotTheSessionsWhileOthersGoOn) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Guest guest = attach(stage, 2, false);
  ASSERT_TRUE(until(stage, guest, [&] { return guest.started.has_value(); }));
  stage.exit_command(7 << 8);
  EXPECT_TRUE(stage.until([&] {
    return stage.notices.find("this terminal has ended; the session goes on with 1 other\n") !=
           std::string::npos;
  }));
  EXPECT_FALSE(stage.finished.has_value());
  stage.client.close();
  EXPECT_FALSE(stage.until([&] { return stage.finished.has_value(); }, 500));
  EXPECT_TRUE(stage.signals.empty());
  stage.tell(init::RecordType::kExited, 0, 0, -1, 2);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "command");
  EXPECT_EQ(finished.code(), 7);
  EXPECT_TRUE(finished.record_closed());
  stage.end_record();
  const auto ended = stage.events_of<events::TerminalEnded>();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].channel, "");
  EXPECT_EQ(std::get<events::TerminalEnded>(ended[0].data), (events::TerminalEnded{"command", 7}));
}

TEST(Channels, AClientThatSaysWhatIsNoFrameIsHungUp) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Guest guest = attach(stage, 2, false);
  ASSERT_TRUE(until(stage, guest, [&] { return guest.started.has_value(); }));
  ASSERT_TRUE(stage.until([&] { return stage.state().channels() == 1; }));
  ASSERT_EQ(write(guest.stream.fd(), "\xff\xff\xff\xff\xff\xff\xff\xff", 8), 8);
  EXPECT_TRUE(stage.until([&] { return !stage.signals.empty(); }));
  EXPECT_EQ(stage.signals, std::vector<int>{SIGHUP});
  EXPECT_EQ(stage.signalled, std::vector<int>{2});
  stage.tell(init::RecordType::kExited, SIGHUP, 0, -1, 2);
  EXPECT_TRUE(stage.until([&] { return stage.state().channels() == 0; }));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
  stage.end_record();
  const auto ended = stage.events_of<events::TerminalEnded>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(std::get<events::TerminalEnded>(ended[0].data), (events::TerminalEnded{"person", 125}));
}

TEST(Channels, WhatCannotStartIsSaidToItsClientAlone) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Guest first = attach(stage, 2, true, "/no/such");
  ASSERT_TRUE(until(stage, first, [&] { return stage.spawned.size() == 1; }));
  stage.tell(init::RecordType::kExecFailed, ENOENT, 0, -1, 2);
  stage.tell(init::RecordType::kExited, 127 << 8, 0, -1, 2);
  ASSERT_TRUE(until(stage, first, [&] { return first.ended.has_value(); }));
  EXPECT_EQ(first.ended->by(), "setup");
  EXPECT_EQ(first.ended->code(), 123);
  EXPECT_NE(first.ended->error().find("start /no/such: ENOENT"), std::string::npos);
  Guest second = attach(stage, 3, true);
  ASSERT_TRUE(until(stage, second, [&] { return stage.spawned.size() == 2; }));
  stage.tell(init::RecordType::kSetupFailed, static_cast<int>(init::PayloadStep::kFork), EAGAIN, -1,
             3);
  ASSERT_TRUE(until(stage, second, [&] { return second.ended.has_value(); }));
  EXPECT_NE(second.ended->error().find("EAGAIN"), std::string::npos) << second.ended->error();
  Guest third = attach(stage, 4, false, std::string(70'000, 'x'));
  ASSERT_TRUE(until(stage, third, [&] { return third.ended.has_value(); }));
  EXPECT_NE(third.ended->error().find("64 KiB"), std::string::npos);
  EXPECT_EQ(stage.out + stage.err, "");
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
}

TEST(Channels, TheEndOfTheSessionIsToldToAllOfThem) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Guest guest = attach(stage, 2, false);
  ASSERT_TRUE(until(stage, guest, [&] { return guest.started.has_value(); }));
  protocol::SessionOrder order;
  order.set_order("close");
  order.set_person("local:0");
  order.set_reason("enough");
  ASSERT_TRUE(stage.broker.queue(Type::kSessionOrder, order.SerializeAsString()).ok());
  EXPECT_TRUE(until(stage, guest, [&] { return stage.signals.size() == 2; }));
  EXPECT_EQ(stage.signalled, (std::vector<int>{0, 2}));
  Guest late = attach(stage, 3, false);
  ASSERT_TRUE(until(stage, late, [&] { return late.ended.has_value(); }));
  EXPECT_EQ(late.ended->error(), "the session is ending");
  EXPECT_TRUE(late.ended->again());
  stage.tell(init::RecordType::kExited, SIGHUP, 0, -1, 2);
  stage.exit_command(SIGHUP);
  EXPECT_EQ(play.finish().by(), "person");
  guest.read();
  ASSERT_TRUE(guest.ended.has_value());
  EXPECT_NE(guest.notices.find("closed by local:0: enough"), std::string::npos);
}

}  // namespace
}  // namespace carrel::session
