// The ports by themselves: credentials as files, a terminal that is closed and opened again, the
// cgroup's words, and configurations that are not what they should be.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "launcher/watch/session/cgroup_port.h"
#include "launcher/watch/session/credential_folder.h"
#include "launcher/watch/session/init_port.h"
#include "launcher/watch/session/session_config.h"
#include "launcher/watch/session/terminal_port.h"
#include "tests/support/folder.h"
#include "tests/unit/launcher/watch/session/stage.h"

namespace carrel::session {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

UniqueFd open_folder(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

TEST(CredentialFolder, ReplacesAndRemoves) {
  const support::Folder folder;
  const CredentialFolder credentials(open_folder(folder.path()));
  ASSERT_TRUE(credentials.write("ci", "one", "keys").ok());
  ASSERT_TRUE(credentials.write("ci", "two", "keys").ok());
  EXPECT_EQ(read_file(folder / "ci/token"), "two");
  EXPECT_EQ(read_file(folder / "ci/jwks.json"), "keys");
  struct stat info {};
  ASSERT_EQ(stat((folder / "ci").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755U);
  EXPECT_TRUE(credentials.remove("ci").ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_TRUE(credentials.remove("ci").ok());
}

TEST(CredentialFolder, TakesNoNameThatLeadsAway) {
  const support::Folder folder;
  const CredentialFolder credentials(open_folder(folder.path()));
  for (const std::string name : {"", ".", "..", "a/b", "../x"}) {
    EXPECT_FALSE(credentials.write(name, "t", "k").ok()) << name;
    EXPECT_FALSE(credentials.remove(name).ok()) << name;
  }
  std::filesystem::create_directory_symlink("/tmp", folder / "link");
  EXPECT_FALSE(credentials.write("link", "t", "k").ok());
}

TEST(TerminalPort, SurvivesAPtyThatNobodyHoldsOpen) {
  int master = -1;
  int slave = -1;
  char name[64] = {};
  ASSERT_EQ(openpty(&master, &slave, name, nullptr, nullptr), 0);
  TerminalPort port;
  ASSERT_TRUE(port.use_pty(UniqueFd(master)).ok());
  close(slave);
  TerminalPort::Output& output = port.outputs().at(0);
  EXPECT_FALSE(port.read(output, 1'000).has_value());
  EXPECT_GT(output.again_ns, 1'000U);
  EXPECT_TRUE(output.fd.valid());
  slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(slave, 0);
  ASSERT_EQ(write(slave, "back", 4), 4);
  EXPECT_EQ(port.read(output, 2'000), "back");
  close(slave);
  port.finish();
  EXPECT_FALSE(port.read(output, 3'000).has_value());
  EXPECT_TRUE(port.ended());
  EXPECT_TRUE(port.resize(1, 1).ok());  // nothing to size any more
}

TEST(TerminalPort, RefusesWhatIsNoTerminalAndASecondOne) {
  TerminalPort port;
  EXPECT_FALSE(port.use_pty(UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC))).ok());
  int master = -1;
  int slave = -1;
  ASSERT_EQ(openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  EXPECT_TRUE(port.use_pty(UniqueFd(dup(master))).ok());
  EXPECT_FALSE(port.use_pty(UniqueFd(master)).ok());
  close(slave);
}

TEST(TerminalPort, DropsInputThatNobodyReads) {
  int in[2], out[2], err[2];
  ASSERT_TRUE(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
              pipe2(err, O_CLOEXEC) == 0);
  signal(SIGPIPE, SIG_IGN);
  TerminalPort port;
  ASSERT_TRUE(port.use_pipes(UniqueFd(in[1]), UniqueFd(out[0]), UniqueFd(err[0])).ok());
  port.write(std::string(TerminalPort::kMaxInput + 65'537, 'x'));
  EXPECT_TRUE(port.wants_write());
  EXPECT_TRUE(port.input_full());
  close(in[0]);
  port.flush();
  EXPECT_FALSE(port.wants_write());
  EXPECT_FALSE(port.input_full());
  port.write("more");
  EXPECT_FALSE(port.input_full());
  close(out[1]);
  close(err[1]);
  for (TerminalPort::Output& output : port.outputs())
    EXPECT_FALSE(port.read(output, 0).has_value());
  EXPECT_TRUE(port.ended());
}

TEST(CgroupPort, BelievesOnlyTheKernelsWords) {
  const support::Folder folder;
  const auto populated = [&](const std::string& text) {
    std::ofstream(folder / "events", std::ios::trunc) << text;
    return CgroupPort(UniqueFd(open((folder / "events").c_str(), O_RDONLY | O_CLOEXEC)), UniqueFd(),
                      UniqueFd())
        .populated();
  };
  EXPECT_FALSE(populated("populated 0\nfrozen 0\n"));
  EXPECT_FALSE(populated("frozen 0\npopulated 0\n"));
  EXPECT_TRUE(populated("populated 1\nfrozen 0\n"));
  EXPECT_TRUE(populated("xpopulated 0\n"));
  EXPECT_TRUE(populated("populated 00\n"));
  EXPECT_TRUE(populated(""));
  EXPECT_TRUE(
      CgroupPort(UniqueFd(), UniqueFd(open("/dev/null", O_WRONLY | O_CLOEXEC))).populated());
  EXPECT_FALSE(CgroupPort(UniqueFd(), UniqueFd()).kill().ok());
}

TEST(CgroupPort, IsFrozenWhenTheKernelSaysSo) {
  const support::Folder folder;
  std::ofstream(folder / "events") << "populated 1\nfrozen 0\n";
  std::ofstream(folder / "freeze") << "0\n";
  const CgroupPort port(UniqueFd(open((folder / "events").c_str(), O_RDONLY | O_CLOEXEC)),
                        UniqueFd(),
                        UniqueFd(open((folder / "freeze").c_str(), O_WRONLY | O_CLOEXEC)));
  ASSERT_TRUE(port.freeze(true).ok());
  std::string asked;
  std::ifstream(folder / "freeze") >> asked;
  EXPECT_EQ(asked, "1");
  EXPECT_FALSE(port.frozen());  // asked for is not done
  std::ofstream(folder / "events") << "populated 1\nfrozen 1\n";
  EXPECT_TRUE(port.frozen());
  ASSERT_TRUE(port.freeze(false).ok());
  std::ifstream(folder / "freeze") >> asked;
  const CgroupPort none{UniqueFd(), UniqueFd(), UniqueFd()};
  EXPECT_FALSE(none.can_freeze());
  EXPECT_EQ(none.freeze(true).error().sys_errno, ENOTSUP);
  EXPECT_FALSE(none.frozen());
}

TEST(CgroupPort, WithoutAGroupBelievesThatInitHasEnded) {
  CgroupPort port((UniqueFd()), UniqueFd());
  EXPECT_TRUE(port.ends_by_init());
  EXPECT_FALSE(port.populated());  // nothing was started
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  port.use_init(UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, child, 0))));
  EXPECT_TRUE(port.knows_init());
  EXPECT_TRUE(port.populated());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(port.populated());
}

TEST(InitPort, TakesWholeRecordsOnly) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  InitPort port{UniqueFd(ends[0])};
  EXPECT_FALSE(port.receive().take().has_value());
  const init::Record ready{init::RecordType::kReady, 1, 2, 3};
  ASSERT_EQ(send(ends[1], &ready, sizeof ready, 0), static_cast<ssize_t>(sizeof ready));
  EXPECT_EQ(port.receive().take()->record.b, 2);
  ASSERT_EQ(send(ends[1], &ready, sizeof ready - 1, 0), 15);
  EXPECT_FALSE(port.receive().ok());
  const char longer[17] = {};
  ASSERT_EQ(send(ends[1], longer, sizeof longer, 0), 17);
  EXPECT_FALSE(port.receive().ok());
  const init::Record pty{init::RecordType::kPty, 0, 0, 0};
  ASSERT_EQ(send(ends[1], &pty, sizeof pty, 0), static_cast<ssize_t>(sizeof pty));
  EXPECT_FALSE(port.receive().ok()) << "a terminal without a descriptor";
  close(ends[1]);
  EXPECT_EQ(port.receive().error().sys_errno, ECONNRESET);
}

// ---- configuration -----------------------------------------------------------------------------

protocol::Message good_config(session_test::Stage& stage) {
  return stage.config(UniqueFd(open("/dev/null", O_RDONLY)), UniqueFd(open("/dev/null", O_RDONLY)));
}

TEST(SessionConfig, TakesExactlyTheDescriptorsItCallsFor) {
  for (const int spoil : {0, 1, 2, 3, 4}) {
    session_test::Stage stage;
    protocol::Message message = good_config(stage);
    if (spoil == 1) message.fds.pop_back();
    if (spoil == 2) message.fds.emplace_back(open("/dev/null", O_RDONLY));
    if (spoil == 3) std::swap(message.fds.front(), message.fds.back());
    if (spoil == 4) message.type = protocol::Type::kGo;
    EXPECT_EQ(take_config(std::move(message)).ok(), spoil == 0) << spoil;
  }
}

TEST(SessionConfig, BindsTheProfileThatWasAnnounced) {
  session_test::Stage stage;
  auto input = take_config(good_config(stage));
  ASSERT_TRUE(input.ok());
  protocol::SessionConfig config = input.value().config;
  EXPECT_EQ(profile_of(config).take(), stage.profile());
  auto other = config;
  other.set_profile_sha256(std::string(32, 'x'));
  EXPECT_FALSE(profile_of(other).ok());
  other = config;
  other.add_repositories()->set_name("more");
  EXPECT_FALSE(profile_of(other).ok());
}

TEST(SessionConfig, ListsEveryRuleWithItsLine) {
  session_test::Stage stage;
  const auto input = take_config(good_config(stage)).take();
  const events::RecorderOpen open = first_event(input.config, stage.profile());
  EXPECT_EQ(open.profile_name, "demo");
  EXPECT_EQ(open.command, std::vector<std::string>{"/bin/true"});
  ASSERT_EQ(open.assurance.size(), 1U);
  EXPECT_EQ(open.assurance[0], (events::AssuranceItem{"disk-encrypted", false, "no such disk"}));
  const auto rule = [&](const std::string& id) {
    for (const events::Rule& each : open.rules) {
      if (each.id == id) return each.file + ":" + std::to_string(each.line);
    }
    return std::string("none");
  };
  EXPECT_EQ(rule("repository.app"), "demo.toml:8");
  EXPECT_EQ(rule("default:network"), ":0");
}

}  // namespace
}  // namespace carrel::session
