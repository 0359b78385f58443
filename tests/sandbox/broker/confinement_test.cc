// What the broker has left once it serves, seen from outside (/proc) and from inside (the probe).

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "broker/record/evidence/policy.h"
#include "tests/sandbox/broker/broker_process.h"

namespace carrel::sandbox_test {
namespace {

using protocol::Type;

std::map<std::string, std::string> status_of(pid_t pid) {
  std::map<std::string, std::string> fields;
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(":\t");
    if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return fields;
}

TEST(BrokerConfinement, LeavesNoPrivilege) {
  const Home home;
  BrokerProcess broker(home);
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  auto status = status_of(broker.pid());
  const std::string uid = std::to_string(broker_uid());
  const std::string all = uid + "\t" + uid + "\t" + uid + "\t" + uid;
  EXPECT_EQ(status["Uid"], all);
  EXPECT_EQ(status["Gid"], all);
  EXPECT_EQ(status["Groups"].find_first_not_of(' '), std::string::npos);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(status[set], "0000000000000000") << set;
  EXPECT_EQ(status["NoNewPrivs"], "1");
  EXPECT_EQ(status["Seccomp"], "2");
  EXPECT_EQ(status["Threads"], "1");
  const std::string proc = "/proc/" + std::to_string(broker.pid());
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/root"),
            std::filesystem::canonical(home.store()));
}

TEST(BrokerConfinement, HoldsFromTheInside) {
  const Home home;
  BrokerProcess broker(home, "tests/carrel_broker_probe");
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  const std::string log = home.log();
  EXPECT_NE(log.find("probe.before path=0 outside=0 inet=0 unix=0 execve=0\n"), std::string::npos)
      << log;
  EXPECT_NE(log.find("probe.after path=ENOENT outside=EACCES create=EACCES inet=EPERM unix=EPERM "
                     "execve=EPERM setuid=EPERM chroot=EPERM mount=EPERM ptrace=EPERM\n"),
            std::string::npos)
      << log;
}

TEST(BrokerConfinement, StillServesWhenTheProbeHasLooked) {
  const Home home;
  BrokerProcess broker(home, "tests/carrel_broker_probe");
  ASSERT_EQ(broker.hello().type, Type::kBrokerReady) << home.log();
  EXPECT_EQ(broker.client_call(Type::kListRequest, "").type, Type::kListReply);
}

TEST(BrokerStore, IsClosedToOthersAndItsKeysToAll) {
  const Home home;
  BrokerProcess broker(home);
  const auto hello = broker.hello();
  ASSERT_EQ(hello.type, Type::kBrokerReady) << home.log();
  const auto mode = [&](const std::string& name) {
    return static_cast<unsigned>(std::filesystem::status(home.store() + "/" + name).permissions());
  };
  EXPECT_EQ(mode("keys"), 0700U);
  EXPECT_EQ(mode("keys/broker.ed25519"), 0600U);
  size_t of_tokens = 0;
  for (const auto& file : std::filesystem::directory_iterator(home.store() + "/keys")) {
    const std::string name = file.path().filename();
    EXPECT_EQ(mode("keys/" + name), 0600U);
    if (name.starts_with("tokens.ed25519.")) ++of_tokens;
  }
  EXPECT_EQ(of_tokens, 1U);
  EXPECT_EQ(std::filesystem::file_size(home.store() + "/keys/broker.ed25519"), 32U);
  const auto policy = evidence::parse_policy(home.read("trust.policy"));
  ASSERT_TRUE(policy.ok());
  const auto ready = protocol::parse_message<protocol::BrokerReady>(hello).take();
  ASSERT_EQ(policy.value().logs.size(), 1U);
  EXPECT_EQ(evidence::format_vkey(policy.value().logs[0]), ready.vkey());
  EXPECT_NE(home.read("jwks.json").find("\"crv\":\"Ed25519\""), std::string::npos);
}

}  // namespace
}  // namespace carrel::sandbox_test
