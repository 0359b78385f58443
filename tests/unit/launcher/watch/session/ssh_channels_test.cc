// ssh connections at a session: what the launcher is asked, what their servers' commands become,
// and what is recorded. The test plays server and forced command.

#include "launcher/watch/session/ssh_channels.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/launcher/watch/session/play.h"

namespace carrel::session {
namespace {

using protocol::Type;

/// A process that stands for the server.
struct Server {
  pid_t pid = -1;
  UniqueFd pidfd;
  Server() {
    pid = fork();
    if (pid == 0) {
      (void)close_range(3, ~0U, 0);  // it holds nobody's end open
      pause();
      _exit(0);
    }
    pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  }
  void end() {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    pid = -1;
  }
  ~Server() { end(); }
};

struct Connected {
  Server server;
  UniqueFd client;   // the person's end
  UniqueFd stream;   // the server's
  UniqueFd log;      // to write what sshd says
  std::string path;  // where its forced command asks
};

void open(Stage& stage, uint32_t channel, UniqueFd stream) {
  protocol::SessionAttach wanted;
  wanted.set_channel(channel);
  wanted.mutable_ssh()->set_principal("me");
  const std::array<int, 1> fds{stream.get()};
  EXPECT_TRUE(stage.broker.queue(Type::kSessionAttach, wanted.SerializeAsString(), fds).ok());
}

UniqueFd listen_at(const std::string& path) {
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size());
  EXPECT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(listener.get(), 8), 0);
  return listener;
}

/// With `kill`, the server is ended by what is written there, as by a control group.
void start(Stage& stage, Connected& connected, uint32_t channel, uid_t uid,
           UniqueFd kill = UniqueFd()) {
  auto ends = protocol::make_socket_pair().take();
  connected.client = std::move(ends.first);
  open(stage, channel, std::move(ends.second));
  ASSERT_TRUE(stage.until([&] { return !stage.ssh_wanted.empty(); }));
  const protocol::Message asked = std::move(stage.ssh_wanted.back());
  stage.ssh_wanted.clear();
  const auto wanted = protocol::parse_message<protocol::StartSsh>(asked).take();
  EXPECT_EQ(wanted.channel(), channel);
  EXPECT_EQ(wanted.access().principal(), "me");
  EXPECT_NE(wanted.notice().find("recorded as evidence"), std::string::npos);
  EXPECT_TRUE(asked.fds.empty());
  auto stream = protocol::make_socket_pair().take();
  connected.stream = std::move(stream.first);
  connected.path = stage.path("ssh" + std::to_string(channel));
  const UniqueFd listener = listen_at(connected.path);
  int log[2] = {-1, -1};
  ASSERT_EQ(pipe2(log, O_CLOEXEC), 0);
  connected.log.reset(log[1]);
  const UniqueFd log_read(log[0]);
  protocol::SshStarted started;
  started.set_channel(channel);
  started.set_uid(uid);
  std::vector<int> fds{listener.get(), log_read.get(), connected.server.pidfd.get(),
                       stream.second.get()};
  if (kill.valid()) fds.push_back(kill.get());
  ASSERT_TRUE(protocol::send_message(stage.launcher, Type::kSshStarted, started, fds).ok());
}

protocol::Connection ask(const Connected& connected, const protocol::AttachRequest& request) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(static_cast<char*>(address.sun_path), connected.path.c_str(), connected.path.size());
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  protocol::Connection connection(std::move(socket));
  // One that is not heard may be hung up by now.
  (void)protocol::send_message(connection, Type::kAttachRequest, request).ok();
  return connection;
}

void say(const Connected& connected, const std::string& line) {
  ASSERT_EQ(write(connected.log.get(), line.data(), line.size()),
            static_cast<ssize_t>(line.size()));
}

protocol::AttachRequest command(const std::string& word) {
  protocol::AttachRequest request;
  request.add_command(word);
  request.set_term("xterm");
  request.set_lang("../../evil");
  return request;
}

std::vector<std::string> words_in(const std::string& packet) {
  std::vector<std::string> words;
  for (size_t at = sizeof(init::Spawn); at < packet.size();) {
    words.emplace_back(packet.c_str() + at);
    at += words.back().size() + 1;
  }
  return words;
}

std::vector<std::string> story(const Stage& stage) {
  std::vector<std::string> lines;
  for (const events::Event& event : stage.record()) {
    if (const auto* opened = std::get_if<events::TerminalOpened>(&event.data))
      lines.push_back(event.channel + " opened " + opened->how + " " + opened->command);
    if (const auto* ended = std::get_if<events::TerminalEnded>(&event.data))
      lines.push_back(event.channel + " ended " + ended->by + " " + std::to_string(ended->code));
  }
  return lines;
}

TEST(SshChannels, WhatAClientAsksForBecomesACommandOfItsConnection) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 2, getuid());
  auto caller = ask(connected, command("/bin/true"));
  ASSERT_TRUE(stage.until([&] { return stage.spawned.size() == 1; }));
  init::Spawn head{};
  memcpy(&head, stage.spawned[0].data(), sizeof head);
  EXPECT_GT(head.record.c, 1 << 20);
  EXPECT_EQ(words_in(stage.spawned[0]), (std::vector<std::string>{"/bin/true", "TERM=xterm"}));
  stage.tell(init::RecordType::kExited, 5 << 8, 0, -1, head.record.c);
  std::optional<protocol::Ended> ended;
  ASSERT_TRUE(stage.until([&] {
    (void)caller.fill();
    const auto next = caller.next();
    if (next.ok() && next.value().has_value()) {
      EXPECT_NE(next.value()->type, Type::kNotice);  // its person was shown it by ssh
      if (next.value()->type == Type::kChannelEnded)
        ended = protocol::parse_message<protocol::Ended>(*next.value()).take();
    }
    play.skip(1);
    return ended.has_value();
  }));
  EXPECT_EQ(ended->code(), 5);
  say(connected,
      "Accepted publickey for contractor from UNKNOWN port 65535 ssh2: ED25519-CERT\r\n");
  say(connected, "Disconnected from user contractor UNKNOWN port 65535\r\n");
  connected.server.end();
  play.ring();
  stage.exit_command(0);
  play.finish();
  EXPECT_EQ(story(stage), (std::vector<std::string>{"2 opened ssh ", "2.1 opened pipes /bin/true",
                                                    "2.1 ended command 5", "2 ended person 0"}));
}

TEST(SshChannels, TheBytesGoBothWaysAndAreWork) {
  Stage::Options options;
  options.idle_timeout_s = 60;
  Play play(options);
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 2, getuid());
  const auto pass = [&stage](const UniqueFd& from, const UniqueFd& to, const std::string& bytes) {
    EXPECT_EQ(send(from.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    std::string got;
    EXPECT_TRUE(stage.until([&] {
      std::array<char, 65536> part{};
      const ssize_t more = recv(to.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (more > 0) got.append(part.data(), static_cast<size_t>(more));
      return got.size() >= bytes.size();
    }));
    EXPECT_EQ(got, bytes);
  };
  pass(connected.stream, connected.client, "SSH-2.0-server\r\n");
  // Small ones keep a connection alive, and no session.
  for (int i = 0; i < 4; ++i) {
    pass(connected.client, connected.stream, std::string(3000, 'x'));
    play.skip(40);
  }
  EXPECT_FALSE(stage.until([&] { return stage.killed || stage.frozen == "1"; }, 300));
  for (int i = 0; i < 4; ++i) {
    pass(connected.client, connected.stream, std::string(40, 'x'));
    play.skip(4);
  }
  play.skip(10);
  ASSERT_TRUE(stage.until([&] { return stage.frozen == "1"; }));
  connected.server.end();
  EXPECT_EQ(play.finish_soon().code(), 124);
}

TEST(SshChannels, AServerThatComesTooLateIsEnded) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  auto ends = protocol::make_socket_pair().take();
  open(stage, 2, std::move(ends.second));
  ASSERT_TRUE(stage.until([&] { return !stage.ssh_wanted.empty(); }));
  std::string said;
  ASSERT_TRUE(play.skip_until([&] {
    std::array<char, 200> part{};
    const ssize_t got = recv(ends.first.get(), part.data(), part.size(), MSG_DONTWAIT);
    if (got > 0) said.append(part.data(), static_cast<size_t>(got));
    return said.ends_with("\r\n");
  }));
  EXPECT_EQ(said, "carrel: the ssh server was not started in time; try again\r\n");
  Server server;
  const UniqueFd listener = listen_at(stage.path("late"));
  auto stream = protocol::make_socket_pair().take();
  int log[2] = {-1, -1};
  ASSERT_EQ(pipe2(log, O_CLOEXEC), 0);
  const UniqueFd log_read(log[0]), log_write(log[1]);
  protocol::SshStarted started;
  started.set_channel(2);
  const std::array<int, 4> fds{listener.get(), log_read.get(), server.pidfd.get(),
                               stream.second.get()};
  ASSERT_TRUE(protocol::send_message(stage.launcher, Type::kSshStarted, started, fds).ok());
  ASSERT_TRUE(stage.until([&] { return waitpid(server.pid, nullptr, WNOHANG) > 0; }));
  server.pid = -1;
  stage.exit_command(0);
  play.finish_soon();
  EXPECT_EQ(story(stage), (std::vector<std::string>{"2 opened ssh ", "2 ended setup 123"}));
}

TEST(SshChannels, ItIsRecordedWhetherSomebodyWasLetInAndWhoEndedIt) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected nobody, killed;
  start(stage, nobody, 2, getuid());
  say(nobody, "Connection closed by UNKNOWN port 65535 [preauth]\r\n");
  nobody.server.end();
  start(stage, killed, 3, getuid());
  say(killed, "Accepted publickey for contractor from UNKNOWN port 65535 ssh2\r\n");
  killed.server.end();
  play.ring();
  ASSERT_TRUE(stage.until([&] { return stage.state().channels() == 0; }));
  stage.exit_command(0);
  play.finish();
  // The second may be there before the first one's end is.
  EXPECT_THAT(story(stage), testing::UnorderedElementsAre("2 opened ssh ", "2 ended setup 123",
                                                          "3 opened ssh ", "3 ended kill 137"));
}

TEST(SshChannels, NothingBeginsWhileTheSessionIsPaused) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 2, getuid());
  protocol::SessionOrder order;
  order.set_order("pause");
  order.set_person("local:7");
  order.set_reason("a question");
  ASSERT_TRUE(stage.broker.queue(Type::kSessionOrder, order.SerializeAsString()).ok());
  ASSERT_TRUE(stage.until([&] { return stage.state().paused(); }));
  auto caller = ask(connected, command("/bin/true"));
  std::optional<protocol::Ended> ended;
  ASSERT_TRUE(stage.until([&] {
    (void)caller.fill();
    const auto next = caller.next();
    if (next.ok() && next.value().has_value())
      ended = protocol::parse_message<protocol::Ended>(*next.value()).take();
    return ended.has_value();
  }));
  EXPECT_EQ(ended->code(), 123);
  EXPECT_NE(ended->error().find("paused by local:7"), std::string::npos) << ended->error();
  EXPECT_TRUE(stage.spawned.empty());
  connected.server.end();
  stage.exit_command(0);
  play.finish_soon();
}

TEST(SshChannels, OnlyTheServersOwnUserIsHeard) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 2, getuid() + 1);
  auto caller = ask(connected, command("/bin/true"));
  bool closed = false;
  ASSERT_TRUE(stage.until([&] {
    const Result<bool> open = caller.fill();
    closed = closed || !open.ok() || !open.value();
    return closed;
  }));
  EXPECT_TRUE(stage.spawned.empty());
  connected.server.end();
  stage.exit_command(0);
  play.finish_soon();
}

TEST(SshChannels, ARefusedPortIsDeniedAndSaid) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 3, getuid());
  const std::string said =
      "Accepted publickey for contractor\r\nReceived request from 127.0.0.1 port 55 to connect to "
      "host example.org port 80, but the request was denied.\r\n";
  ASSERT_EQ(write(connected.log.get(), said.data(), said.size()),
            static_cast<ssize_t>(said.size()));
  ASSERT_TRUE(stage.until([&] {
    return stage.err.find("denied") != std::string::npos ||
           stage.notices.find("net.forward example.org") != std::string::npos;
  }));
  connected.server.end();
  play.ring();
  stage.exit_command(0);
  play.finish_soon();
  const auto refused = stage.events_of<events::NetForward>();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].channel, "3");
  EXPECT_EQ(refused[0].verdict, events::Verdict::kDenied);
  EXPECT_EQ(refused[0].rule, "default:forward");
  EXPECT_EQ(std::get<events::NetForward>(refused[0].data), (events::NetForward{"example.org", 80}));
}

TEST(SshChannels, AClientIsToldWhyItGetsNoServer) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  auto ends = protocol::make_socket_pair().take();
  open(stage, 2, std::move(ends.second));
  ASSERT_TRUE(stage.until([&] { return !stage.ssh_wanted.empty(); }));
  stage.ssh_wanted.clear();
  protocol::SshStarted started;
  started.set_channel(2);
  started.set_error("this host has no sshd");
  ASSERT_TRUE(protocol::send_message(stage.launcher, Type::kSshStarted, started).ok());
  std::string said;
  ASSERT_TRUE(stage.until([&] {
    std::array<char, 200> part{};
    const ssize_t got = recv(ends.first.get(), part.data(), part.size(), MSG_DONTWAIT);
    if (got > 0) said.append(part.data(), static_cast<size_t>(got));
    return said.ends_with("\r\n");
  }));
  EXPECT_EQ(said, "carrel: this host has no sshd\r\n");
  stage.exit_command(0);
  play.finish_soon();
  EXPECT_EQ(story(stage), (std::vector<std::string>{"2 opened ssh ", "2 ended setup 123"}));
}

TEST(SshChannels, AConnectionKeepsTheSessionAndItsEndEndsIt) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 2, getuid());
  stage.exit_command(0);
  EXPECT_FALSE(stage.until([&] { return stage.killed; }, 300));
  play.skip(5);
  EXPECT_FALSE(stage.until([&] { return stage.killed; }, 300));
  connected.server.end();
  play.ring();
  EXPECT_EQ(play.finish().code(), 0);
}

TEST(SshChannels, TheSessionsEndKillsItsServers) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  Connected connected;
  start(stage, connected, 2, getuid());
  ASSERT_TRUE(stage.until([&] { return stage.state().channels() == 1; }));
  stage.client.close();
  stage.launcher.close();  // the launcher wants it over
  int status = 0;
  ASSERT_TRUE(stage.until([&] { return waitpid(connected.server.pid, &status, WNOHANG) > 0; }));
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  connected.server.pid = -1;
  ASSERT_TRUE(stage.until([&] { return !stage.broker.valid(); }));
}

TEST(SshChannels, AServerThatDoesNotEndOverrulesTheEnding) {
  for (const bool dies : {true, false}) {  // the control first
    Play play;
    Stage& stage = play.stage;
    ASSERT_TRUE(stage.open_gate());
    Connected connected;
    UniqueFd nobody(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    start(stage, connected, 2, getuid(), dies ? UniqueFd() : std::move(nobody));
    ASSERT_TRUE(stage.until([&] { return stage.state().channels() == 1; }));
    protocol::SessionOrder order;
    order.set_order("close");
    order.set_person("local:7");
    order.set_reason("done");
    ASSERT_TRUE(stage.broker.queue(Type::kSessionOrder, order.SerializeAsString()).ok());
    const protocol::Finished finished = play.finish_soon();
    EXPECT_TRUE(finished.record_closed());
    if (dies) {
      EXPECT_EQ(finished.by(), "person");
      EXPECT_EQ(story(stage), (std::vector<std::string>{"2 opened ssh ", "2 ended kill 137"}));
      continue;
    }
    EXPECT_EQ(finished.by(), "policy");
    EXPECT_EQ(finished.code(), 124);
    EXPECT_THAT(finished.error(),
                testing::StartsWith("an ssh server of the session has not ended"));
    EXPECT_EQ(story(stage), std::vector<std::string>{"2 opened ssh "});
    EXPECT_EQ(kill(connected.server.pid, 0), 0);
  }
}

TEST(RefusedForward, IsReadFromWhatSshdSays) {
  const auto ask = [](const std::string& line) { return refused_forward(line); };
  const std::string end = ", but the request was denied.";
  EXPECT_EQ(ask("Received request from 127.0.0.1 port 1 to connect to host a.b port 80" + end),
            (RefusedForward{"a.b", 80}));
  EXPECT_EQ(ask("Received request from ::1 port 1 to connect to host ::1 port 65535" + end + "\r"),
            (RefusedForward{"::1", 65535}));
  // Whatever a client calls a host stays a host.
  EXPECT_EQ(
      ask("Received request from x port 1 to connect to host a port 1" + end + " port 9" + end),
      (RefusedForward{"a port 1" + end, 9}));
  for (const std::string& line :
       {std::string(), "Received request from x port 1" + end,
        "Received request from x to connect to host a port" + end,
        "Received request from x to connect to host a port 8x" + end,
        "Received request from x to connect to host a port 99999999999" + end,
        std::string("Received request from x to connect to host a port 80"),
        "x Received request from x to connect to host a port 80" + end}) {
    EXPECT_EQ(ask(line), std::nullopt) << line;
  }
}

}  // namespace
}  // namespace carrel::session
