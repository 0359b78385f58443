// carrel-session as the launcher starts it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/sandbox/session/session_process.h"
#include "tests/support/mode.h"

namespace carrel::session_test {
namespace {

int write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t taken = write(1, bytes.data(), bytes.size());
    if (taken <= 0) return 98;
    bytes.remove_prefix(static_cast<size_t>(taken));
  }
  return 0;
}

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

TEST(SessionProgram, RecordsWhatIsShownAndDoneAndPassesTheStatusOn) {
  SessionProcess process;
  ASSERT_EQ(process.missing(), "");
  Stage& stage = process.stage;
  const std::string bytes = pattern(1'000'000);
  process.start_payload([&] {
    const int fd = open("/etc/hostname", O_RDONLY);
    if (fd >= 0) close(fd);
    (void)!access("/workspaces/app/billing", R_OK);
    (void)open("/workspaces/app/signing", O_RDONLY);
    return write_all(bytes) == 0 ? 7 : 98;
  });
  ASSERT_TRUE(process.open_gate());
  EXPECT_EQ(process.finish(), 0);
  EXPECT_EQ(stage.finished->by(), "command");
  EXPECT_EQ(stage.finished->code(), 7);
  EXPECT_EQ(stage.finished->error(), "");
  EXPECT_TRUE(stage.finished->record_closed());
  EXPECT_EQ(stage.out, bytes);
  EXPECT_EQ(stage.end_record().end_code, 7);
  EXPECT_EQ(stage.recorded_output("stdout"), bytes);
  bool opened = false;
  for (const events::Event& event : stage.events_of<events::FileOpen>())
    opened = opened || std::get<events::FileOpen>(event.data).path == "/etc/hostname";
  EXPECT_TRUE(opened);
  // The first of a rule is said. Of a look at a name carrel-notify is not asked.
  const char* first = support::is_rootless() ? "denied: file.open /workspaces/app/signing: "
                                             : "denied: file.probe /workspaces/app/billing: ";
  EXPECT_NE(stage.notices.find(first), std::string::npos) << stage.notices;
  const auto last = stage.record().back();
  const auto& end = std::get<events::RecorderEnd>(last.data);
  EXPECT_GT(end.produced, 0U);
  EXPECT_EQ(end.produced, end.recorded);
  const verify::VerifyReport report = stage.verify();
  EXPECT_EQ(report.exit, 0) << verify::render_text(report, verify::PolicySource::kState);
}

TEST(SessionProgram, EndsByThePersonWhenTheClientHasGone) {
  SessionProcess process;
  ASSERT_EQ(process.missing(), "");
  Stage& stage = process.stage;
  process.start_payload([] {
    pause();
    return 0;
  });
  ASSERT_TRUE(process.open_gate());
  stage.client.close();
  EXPECT_TRUE(stage.until([&] { return !stage.signals.empty(); }));
  EXPECT_EQ(stage.signals, std::vector<int>{SIGHUP});
  stage.init.reset();  // what the kernel does to it when pid 1 dies of it
  EXPECT_EQ(process.finish(), 0);
  EXPECT_EQ(stage.finished->by(), "person");
  EXPECT_EQ(stage.finished->code(), 125);
  EXPECT_TRUE(stage.finished->record_closed());
  EXPECT_EQ(stage.finished->error(), "the client has gone");
  stage.end_record();
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(SessionProgram, StopsWithinFiveSecondsWhenTheBrokerHasGone) {
  SessionProcess process;
  ASSERT_EQ(process.missing(), "");
  Stage& stage = process.stage;
  process.start_payload([] {
    while (write_all(std::string(1000, 'x')) == 0) {
    }
    return 0;
  });
  ASSERT_TRUE(process.open_gate());
  EXPECT_TRUE(stage.until([&] { return stage.out.size() > 100'000; }));
  const uint64_t began = static_cast<uint64_t>(time(nullptr));
  stage.broker.close();
  EXPECT_EQ(process.finish(), 0);
  EXPECT_LE(static_cast<uint64_t>(time(nullptr)) - began, 5U);
  EXPECT_EQ(stage.finished->by(), "policy");
  EXPECT_EQ(stage.finished->code(), 124);
  EXPECT_FALSE(stage.finished->record_closed());
  stage.end_record();
  EXPECT_EQ(stage.verify().exit, 5);
}

TEST(SessionProgram, RenewsCredentialsAndTakesThemAway) {
  SessionProcess process({.credential_life_s = 2});
  ASSERT_EQ(process.missing(), "");
  Stage& stage = process.stage;
  process.start_payload([] {
    pause();
    return 0;
  });
  ASSERT_TRUE(process.open_gate());
  const std::string path = stage.path("credentials/ci/token");
  const auto token = [&] {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string first = token();
  EXPECT_FALSE(first.empty());
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644U);
  EXPECT_EQ(info.st_uid, recorder_uid());
  EXPECT_TRUE(stage.until([&] { return token() != first; }));
  stage.exit_command(0);
  EXPECT_EQ(process.finish(), 0);
  EXPECT_EQ(stage.finished->error(), "");
  EXPECT_TRUE(std::filesystem::is_empty(stage.path("credentials")));
  stage.end_record();
  EXPECT_GE(stage.events_of<events::Credential>().size(), 3U);
  EXPECT_EQ(stage.verify().exit, 0);
}

TEST(SessionProgram, ComparesTheTreeBehindItsFence) {
  SessionProcess process;
  ASSERT_EQ(process.missing(), "");
  Stage& stage = process.stage;
  process.start_payload([] { return 0; });
  std::ofstream(stage.path("tree/src/own/a.txt"), std::ios::trunc) << "after\n";
  std::filesystem::create_symlink("/etc/shadow", stage.path("tree/src/own/link"));
  ASSERT_TRUE(process.open_gate());
  EXPECT_EQ(process.finish(), 0);
  EXPECT_EQ(stage.finished->error(), "");
  EXPECT_EQ(stage.end_record().changed, 2U);
  const auto changes = stage.events_of<events::FileChanged>();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(stage.read_blob(std::get<events::FileChanged>(changes[0].data).after_sha256),
            "after\n");
  EXPECT_EQ(stage.read_blob(std::get<events::FileChanged>(changes[1].data).after_sha256),
            "/etc/shadow");
  EXPECT_EQ(stage.verify().exit, 0);
}

std::string line_of(const std::string& text, const std::string& name) {
  const size_t at = text.find(name);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SessionProgram, IsConfinedInEveryThread) {
  SessionProcess process;
  ASSERT_EQ(process.missing(), "");
  process.start_payload([] { return 0; });
  ASSERT_TRUE(process.open_gate());
  const std::string tasks = "/proc/" + std::to_string(process.pid()) + "/task";
  int threads = 0;
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    const std::string status = read_file(task.path() / "status");
    EXPECT_EQ(line_of(status, "Seccomp:"), "Seccomp:\t2");
    EXPECT_EQ(line_of(status, "NoNewPrivs:"), "NoNewPrivs:\t1");
    EXPECT_EQ(line_of(status, "CapEff:"), "CapEff:\t0000000000000000");
    ++threads;
  }
  EXPECT_EQ(threads, support::is_rootless() ? 1 : 2);  // a pipe needs no thread that reads a ring
  EXPECT_EQ(process.finish(), 0);
}

TEST(SessionProgram, TellsTheLauncherWhyItCannotBegin) {
  Stage stage;
  const std::string program = support::built("libexec/carrel/carrel-session");
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    dup2(stage.control.get(), 3);
    execl(program.c_str(), "carrel-session", nullptr);
    _exit(92);
  }
  stage.control.reset();
  protocol::Message config = stage.config(UniqueFd(open("/dev/null", O_RDONLY)),
                                          UniqueFd(open("/dev/null", O_RDONLY)), 1U << 20);
  std::vector<int> fds;
  for (const UniqueFd& fd : config.fds)
    fds.push_back(fd.get());
  ASSERT_TRUE(stage.launcher.send(config.type, config.body, fds).ok());
  EXPECT_TRUE(stage.until([&] { return stage.finished.has_value(); }));
  EXPECT_EQ(stage.finished->by(), "setup");
  EXPECT_EQ(stage.finished->code(), 123);
  EXPECT_FALSE(stage.finished->record_closed());
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace carrel::session_test
