// The whole loop in this process, with everything around it played by the stage.

#include "launcher/watch/session/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/launcher/watch/session/play.h"

namespace carrel::session {
namespace {

using events::Verdict;
using protocol::Type;
using session_test::Stage;

TEST(Session, HearsWhatCameInOneGoWithItsConfiguration) {
  Stage::Options options;
  options.failure_with_config = true;
  Play play(options);
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.code(), 123);
  EXPECT_EQ(finished.error(), "given up");
}

TEST(Session, RecordsOutputByteForByteAndPassesTheStatusOn) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  EXPECT_EQ(stage.reader_tid, 4711U);
  std::string big;
  for (int i = 0; i < 300'000; ++i)
    big += static_cast<char>(i * 7 + i / 251);
  stage.write_out(big, stage.stdout_fd.get());
  stage.write_out(std::string("\xff\x00\x1b[0m", 6), stage.stderr_fd.get());
  stage.exit_command(7 << 8);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "command");
  EXPECT_EQ(finished.code(), 7);
  EXPECT_EQ(finished.error(), "");
  EXPECT_TRUE(finished.record_closed());
  EXPECT_TRUE(stage.until([&] { return stage.client_closed; }));
  EXPECT_EQ(stage.out, big);
  EXPECT_EQ(stage.err, std::string("\xff\x00\x1b[0m", 6));
  EXPECT_NE(stage.notices.find("recorded as evidence"), std::string::npos);
  const store::SessionRow row = stage.end_record();
  EXPECT_EQ(row.state, store::SessionState::kClosed);
  EXPECT_EQ(row.end_by, "command");
  EXPECT_EQ(row.end_code, 7);
  EXPECT_EQ(stage.recorded_output("stdout"), big);
  EXPECT_EQ(stage.recorded_output("stderr"), stage.err);
  const verify::VerifyReport report = stage.verify();
  EXPECT_EQ(report.exit, 0) << verify::render_text(report, verify::PolicySource::kState);
}

TEST(Session, GivesInputToTheCommandAndRecordsNoneOfIt) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.type("hunter2\n");
  ASSERT_TRUE(stage.client.queue(Type::kStdinEnd, "").ok());
  fcntl(stage.stdin_fd.get(), F_SETFL, O_NONBLOCK);
  std::string got;
  EXPECT_TRUE(stage.until([&] {
    char bytes[64];
    const ssize_t size = read(stage.stdin_fd.get(), bytes, sizeof bytes);
    if (size > 0) got.append(bytes, static_cast<size_t>(size));
    return size == 0;  // the end comes through, too
  }));
  EXPECT_EQ(got, "hunter2\n");
  stage.exit_command(0);
  EXPECT_EQ(play.finish().code(), 0);
  stage.end_record();
  for (const events::Event& event : stage.record())
    EXPECT_EQ(events::encode_payload(event).find("hunter2"), std::string::npos);
}

TEST(Session, HangsUpWhenTheClientHasGone) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.client.close();
  EXPECT_TRUE(stage.until([&] { return !stage.signals.empty(); }));
  EXPECT_EQ(stage.signals, std::vector<int>{SIGHUP});
  stage.write_out("last words", stage.stdout_fd.get());
  stage.exit_command(SIGHUP);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "person");
  EXPECT_EQ(finished.code(), 125);
  EXPECT_TRUE(finished.record_closed());
  stage.end_record();
  EXPECT_EQ(stage.recorded_output("stdout"), "last words");
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Session, StopsTheCommandWhenTheBrokerHasGone) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.broker.close();
  EXPECT_TRUE(stage.until([&] { return stage.finished.has_value(); }, 5'000));
  EXPECT_TRUE(stage.killed);
  EXPECT_EQ(stage.finished->by(), "policy");
  EXPECT_EQ(stage.finished->code(), 124);
  EXPECT_FALSE(stage.finished->record_closed());
  EXPECT_NE(stage.finished->error().find("record could not be kept"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(stage.path("credentials")));
  EXPECT_EQ(stage.end_record().state, store::SessionState::kBroken);
  EXPECT_EQ(stage.verify().exit, 5);
}

TEST(Session, NamesWhatTheBrokerRefused) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  protocol::Failure failure;
  failure.set_code(123);
  failure.set_text("no space left");
  ASSERT_TRUE(protocol::send_message(stage.broker, Type::kFailure, failure).ok());
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_NE(finished.error().find("no space left"), std::string::npos) << finished.error();
}

TEST(Session, ClosesTheRecordWhenTheLauncherHasGone) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  ASSERT_EQ(shutdown(stage.launcher.fd(), SHUT_WR), 0);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_TRUE(finished.record_closed());
  EXPECT_EQ(stage.end_record().end_by, "policy");
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Session, EndsByTheLaunchersOwnWordWhenSetUpFails) {
  Play play;
  Stage& stage = play.stage;
  protocol::Failure failure;
  failure.set_code(122);
  failure.set_text("no overlay");
  ASSERT_TRUE(protocol::send_message(stage.launcher, Type::kFailure, failure).ok());
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.code(), 122);
  EXPECT_EQ(finished.error(), "no overlay");
  EXPECT_FALSE(stage.gate_open);
}

TEST(Session, BeginsOnlyWhenTheBrokerHasEventZero) {
  Play play;
  Stage& stage = play.stage;
  stage.broker_answers = false;
  stage.tell(init::RecordType::kReady);
  ASSERT_TRUE(protocol::send_message(stage.launcher, Type::kGo, protocol::Go()).ok());
  EXPECT_FALSE(stage.until([&] { return stage.gate_open || stage.recorded; }, 300));
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.code(), 123);
  EXPECT_NE(finished.error().find("event 0"), std::string::npos) << finished.error();
  EXPECT_FALSE(finished.record_closed());
  EXPECT_FALSE(stage.gate_open);
}

TEST(Session, LetsThePersonOutBeforeTheGate) {
  Play play;
  protocol::Signal signal;
  signal.set_number(SIGINT);
  ASSERT_TRUE(protocol::send_message(play.stage.client, Type::kSignal, signal).ok());
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "person");
  EXPECT_EQ(finished.code(), 125);
  EXPECT_FALSE(play.stage.gate_open);
}

TEST(Session, EndsWhenTimeIsOver) {
  Play play({.max_duration_s = 62});
  ASSERT_TRUE(play.stage.open_gate());
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_EQ(finished.error(), "time is over (max_duration 62s)");
  EXPECT_NE(play.stage.notices.find("ends in 1m"), std::string::npos) << play.stage.notices;
  EXPECT_TRUE(play.stage.killed);
  play.stage.end_record();
  EXPECT_EQ(play.stage.verify().exit, 0);
}

TEST(Session, NamesTheStepThatFailedInside) {
  Play play;
  play.stage.tell(init::RecordType::kSetupFailed, static_cast<int>(init::PayloadStep::kLandlock),
                  EOPNOTSUPP);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.code(), 123);
  EXPECT_NE(finished.error().find("Landlock"), std::string::npos);
  EXPECT_FALSE(play.stage.gate_open);
}

TEST(Session, SaysWhenTheCommandCannotBeStarted) {
  Play play;
  ASSERT_TRUE(play.stage.open_gate());
  play.stage.tell(init::RecordType::kExecFailed, ENOENT);
  play.stage.exit_command(127 << 8);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.code(), 123);
  EXPECT_NE(finished.error().find("ENOENT"), std::string::npos);
}

TEST(Session, CountsAnInitThatDiesSilentlyAsKilled) {
  Play play;
  ASSERT_TRUE(play.stage.open_gate());
  play.stage.init.reset();
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "kill");
  EXPECT_EQ(finished.code(), 137);
  EXPECT_TRUE(finished.record_closed());
}

TEST(Session, RenewsCredentialsAtHalfOfTheirLifeAndRemovesThem) {
  Play play({.credential_life_s = 2});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  const auto token = [&] {
    std::ifstream file(stage.path("credentials/ci/token"));
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string first = token();
  EXPECT_FALSE(first.empty());
  EXPECT_TRUE(std::filesystem::exists(stage.path("credentials/ci/jwks.json")));
  EXPECT_TRUE(stage.until([&] { return token() != first; }, 5'000));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().error(), "");
  EXPECT_TRUE(std::filesystem::is_empty(stage.path("credentials")));
  stage.end_record();
  std::string actions;
  for (const events::Event& event : stage.events_of<events::Credential>())
    actions += std::get<events::Credential>(event.data).action + " ";
  // On a busy machine the end may come after a further renewal.
  EXPECT_TRUE(actions.starts_with("issued renewed ") && actions.ends_with("renewed ended "))
      << actions;
}

TEST(Session, WritesASecretIntoItsFileAndTakesWhatIsNewAtTheRenewal) {
  Play play({.credential_life_s = 4, .credential_kind = credentials::Kind::kFile});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  const auto secret = [&] {
    std::ifstream file(stage.path("credentials/ci/secret"));
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(secret(), "hunter2-and-more");
  EXPECT_FALSE(std::filesystem::exists(stage.path("credentials/ci/token")));
  stage.secret = [] { return Result<Secret>(Secret("hunter3-and-more")); };
  EXPECT_TRUE(stage.until([&] { return secret() == "hunter3-and-more"; }, 5'000));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().error(), "");
  EXPECT_TRUE(std::filesystem::is_empty(stage.path("credentials")));
}

TEST(Session, DoesNotBeginWithoutItsSecret) {
  Play play({.credential_kind = credentials::Kind::kFile});
  Stage& stage = play.stage;
  stage.secret = [] { return Result<Secret>(Error{"there is no file ci-token"}); };
  stage.tell(init::RecordType::kReady);
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.code(), 123);
  EXPECT_EQ(finished.error(), "credential ci: there is no file ci-token");
  EXPECT_FALSE(stage.gate_open);
}

TEST(Session, EndsWithALeaseThatIsNotRenewed) {
  Play play({.credential_life_s = 2, .credential_kind = credentials::Kind::kFile});
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.secret = [] { return Result<Secret>(Error{"no answer"}); };
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_NE(finished.error().find("credential ci has ended and could not be renewed: no answer"),
            std::string::npos)
      << finished.error();
  EXPECT_TRUE(std::filesystem::is_empty(stage.path("credentials")));
}

TEST(Session, TakesNoLeaseForAGatewayThatItDoesNotHave) {
  Play play({.credential_kind = credentials::Kind::kHeader});
  const protocol::Finished finished = play.finish();
  EXPECT_EQ(finished.by(), "setup");
  EXPECT_EQ(finished.error(),
            "credential ci of kind header: this session has no gateway to take it");
}

TEST(Session, RecordsWhatChangedWithBothContents) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  std::ofstream(stage.path("tree/src/own/a.txt"), std::ios::trunc) << "after\n";
  std::ofstream(stage.path("tree/src/own/empty"), std::ios::trunc);
  std::ofstream(stage.path("tree/new.bin")) << std::string(3'000'000, 'x');
  stage.exit_command(0);
  EXPECT_EQ(play.finish().error(), "");
  const store::SessionRow row = stage.end_record();
  const auto changes = stage.events_of<events::FileChanged>();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(row.changed, 3U);
  const auto& outside = std::get<events::FileChanged>(changes[0].data);
  EXPECT_EQ(outside.path, "/workspaces/app/new.bin");
  EXPECT_EQ(changes[0].verdict, Verdict::kObserved);
  EXPECT_EQ(stage.read_blob(outside.after_sha256), std::string(3'000'000, 'x'));
  const auto& inside = std::get<events::FileChanged>(changes[1].data);
  EXPECT_EQ(inside.path, "/workspaces/app/src/own/a.txt");
  EXPECT_EQ(changes[1].verdict, Verdict::kAllowed);
  EXPECT_EQ(changes[1].rule, "repository.app.write.src/own");
  EXPECT_EQ(stage.read_blob(inside.before_sha256), "before\n");
  EXPECT_EQ(stage.read_blob(inside.after_sha256), "after\n");
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Session, DeclaresWhatTheSensorLost) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  play.sensor->lost_opens = 5;
  play.ring();
  (void)stage.until([] { return false; }, 100);
  play.sensor->lost_opens = 7;
  stage.exit_command(0);
  EXPECT_TRUE(play.finish().record_closed());
  EXPECT_EQ(stage.end_record().lost, 7U);
  const auto losses = stage.events_of<events::RecorderLoss>();
  ASSERT_EQ(losses.size(), 2U);
  EXPECT_EQ(std::get<events::RecorderLoss>(losses[0].data).counts.at("file.open"), 5U);
  EXPECT_EQ(std::get<events::RecorderLoss>(losses[1].data).counts.at("file.open"), 2U);
  EXPECT_EQ(stage.verify().exit, 3);
}

TEST(Session, SaysWhenTheWorkspaceIsNotEmpty) {
  Play play;
  Stage& stage = play.stage;
  stage.dies_when_killed = false;
  ASSERT_TRUE(stage.open_gate());
  stage.exit_command(0);
  const protocol::Finished finished = play.finish_soon();
  EXPECT_NE(finished.error().find("workspace is not empty"), std::string::npos);
  EXPECT_NE(finished.error().find("status 0"), std::string::npos);
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_EQ(stage.end_record().end_by, "policy");
}

/// A broker that dies as the command ends: nothing may look as if all were well.
TEST(Session, IsNotEndedByItsCommandWhenTheRecordCannotBeClosed) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.dies_when_killed = false;
  stage.exit_command(0);
  ASSERT_TRUE(stage.until([&] { return stage.killed; }));
  stage.broker.close();
  stage.empty_cgroup();
  const protocol::Finished finished = play.finish();
  EXPECT_FALSE(finished.record_closed());
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_NE(finished.error().find("record could not be kept"), std::string::npos)
      << finished.error();
  EXPECT_NE(finished.error().find("status 0"), std::string::npos) << finished.error();
}

TEST(Session, KeepsATerminalInStepWithItsClient) {
  Play play({.tty = true});
  Stage& stage = play.stage;
  int master = -1;
  int slave = -1;
  ASSERT_EQ(openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  stage.tell(init::RecordType::kPty, 0, 0, master);
  close(master);
  ASSERT_TRUE(stage.open_gate());
  winsize size{};
  ASSERT_EQ(ioctl(slave, TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_col, 100);
  protocol::Resize resize;
  resize.set_columns(120);
  resize.set_rows(40);
  ASSERT_TRUE(protocol::send_message(stage.client, Type::kResize, resize).ok());
  stage.type("typed\n");
  char bytes[64] = {};
  fcntl(slave, F_SETFL, O_NONBLOCK);
  EXPECT_TRUE(stage.until([&] { return read(slave, bytes, sizeof bytes) == 6; }));
  EXPECT_TRUE(
      stage.until([&] { return ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_col == 120; }));
  stage.write_out("shown", slave);
  close(slave);
  stage.exit_command(0);
  EXPECT_EQ(play.finish().error(), "");
  stage.end_record();
  // The echo is output of the terminal, as the person saw it.
  EXPECT_EQ(stage.recorded_output("pty"), "typed\r\nshown");
  EXPECT_EQ(stage.events_of<events::TerminalResize>().size(), 2U);
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(Session, KillsWhatIgnoresTheHangUp) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.client.close();
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(stage.signals, std::vector<int>{SIGHUP});
  EXPECT_TRUE(stage.killed);
  EXPECT_EQ(finished.by(), "person");
  EXPECT_TRUE(finished.record_closed());
}

TEST(Session, EndsWhenTheBrokerStopsAnswering) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.broker_answers = false;
  const protocol::Finished finished = play.finish_soon();
  EXPECT_EQ(finished.by(), "policy");
  EXPECT_EQ(finished.code(), 124);
  EXPECT_NE(finished.error().find("does not answer"), std::string::npos) << finished.error();
  EXPECT_FALSE(finished.record_closed());
}

/// The command waits for its person, and the person gets every byte, also after its end.
TEST(Session, LosesNoOutputToAClientThatReadsSlowly) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  stage.client_reads = false;
  const std::string bytes(4'000'000, 'y');
  fcntl(stage.stdout_fd.get(), F_SETFL, O_NONBLOCK);
  size_t written = 0;
  const auto push = [&] {
    const ssize_t taken = write(stage.stdout_fd.get(), bytes.data(), bytes.size());
    if (taken > 0) written += static_cast<size_t>(taken);
    return false;
  };
  (void)stage.until(push, 400);
  EXPECT_GT(written, ClientPort::kMaxWaiting);
  EXPECT_LT(written, 3'000'000U);
  stage.exit_command(0);
  EXPECT_TRUE(stage.until([&] { return stage.killed; }));
  EXPECT_FALSE(stage.until([&] { return stage.finished.has_value(); }, 100));
  stage.client_reads = true;
  EXPECT_EQ(play.finish().code(), 0);
  EXPECT_TRUE(stage.until([&] { return stage.client_closed; }));
  EXPECT_EQ(stage.out.size(), written);
  stage.end_record();
  EXPECT_EQ(stage.recorded_output("stdout").size(), written);
}

/// A command that writes all the time and never reads: what the client types waits with the client.
TEST(Session, KeepsNoInputThatTheCommandDoesNotRead) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  fcntl(stage.stdout_fd.get(), F_SETFL, O_NONBLOCK);
  const std::string output(65536, 'y');
  const std::string input(65536, 'x');
  size_t typed = 0;
  int turns = 0;
  (void)stage.until(
      [&] {
        stage.client_reads = ++turns % 8 == 0;  // slower than the command writes
        (void)!write(stage.stdout_fd.get(), output.data(), output.size());
        if (stage.client.queued_bytes() == 0) {
          stage.type(input);
          typed += input.size();
        }
        (void)stage.client.flush().ok();
        return false;
      },
      2'000);
  // Its own bound, what pipe and sockets hold, and one read beyond.
  EXPECT_LT(typed, size_t{2} << 20);
  stage.client_reads = true;
  stage.exit_command(0);
  EXPECT_EQ(play.finish().by(), "command");
}

TEST(Session, EndsWhenTheClientSpeaksOutOfTurn) {
  Play play;
  Stage& stage = play.stage;
  ASSERT_TRUE(stage.open_gate());
  ASSERT_TRUE(stage.client.queue(Type::kGo, "garbage").ok());
  EXPECT_TRUE(stage.until([&] { return !stage.signals.empty(); }));
  stage.exit_command(0);
  EXPECT_EQ(play.finish().code(), 125);
}

}  // namespace
}  // namespace carrel::session
