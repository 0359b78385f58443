// An opening's way out, with programs of this test's own in the place of carrel-network and the
// gateway: this program again, under their names.

#include "launcher/service/way_out.h"

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/folder.h"

namespace carrel::service {
namespace {

using protocol::Type;
using testing::HasSubstr;

constexpr int kPatienceMs = 10'000;
constexpr int kControl = 3;

void play_network() {
  protocol::Connection launcher{UniqueFd(kControl)};
  (void)launcher.receive(kPatienceMs);
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::vector<int> made(8, null.get());
  (void)launcher.send(Type::kGo, "", made);
  (void)launcher.receive(kPatienceMs);
  (void)launcher.send(Type::kGo, "3");  // so many packets were refused
}

/// The path of its profile says how its self-test ends.
void play_gateway() {
  protocol::Connection launcher{UniqueFd(kControl)};
  const auto said = launcher.receive(kPatienceMs);
  const auto config = protocol::parse_message<protocol::GatewayConfig>(*said.value());
  (void)launcher.send(Type::kGatewayReady, "");
  (void)launcher.receive(kPatienceMs);
  const std::string how = config.value().profile_path();
  protocol::Failure failure;
  failure.set_text("no packet was told of");
  if (how == "fails") (void)protocol::send_message(launcher, Type::kFailure, failure);
  if (how != "begins") return;
  (void)launcher.send(Type::kGatewayReady, "");
  (void)launcher.receive(kPatienceMs);
}

class Program : public testing::Environment {
  void SetUp() override {
    const std::string name = program_invocation_short_name;
    if (name == "carrel-network") play_network();
    if (name == "carrel-gateway") play_gateway();
    if (name.starts_with("carrel-")) _exit(0);
  }
};
[[maybe_unused]] const auto* const kProgram = testing::AddGlobalTestEnvironment(new Program);

/// What an opening hears of a self-test that ends so.
Status trial(const std::string& how) {
  const support::Folder folder;
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  for (const char* name : {"/carrel-network", "/carrel-gateway"})
    std::filesystem::create_symlink(self, folder.path() + name);
  const Porter porter = Porter::start().take();
  ASSIGN_OR_RETURN(WayOut way, WayOut::start(folder.path(), porter, 0));
  protocol::GatewayConfig config;
  config.set_profile_path(how);
  const UniqueFd names(open("/dev/null", O_RDWR | O_CLOEXEC));
  RETURN_IF_ERROR(way.begin(config, names.get()));
  RETURN_IF_ERROR(way.hear_gateway());
  RETURN_IF_ERROR(way.begin_trial(0));
  return way.hear_trial();
}

TEST(WayOut, SaysWhyItsSelfTestFailed) {
  const Status good = trial("begins");
  ASSERT_TRUE(good.ok()) << to_string(good.error());
  const Status failed = trial("fails");
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().what,
              HasSubstr("self-test of the workspace's network failed: the gateway says: no packet "
                        "was told of; try again: if it stays so, run/launcher.log"));
  const Status died = trial("dies");
  ASSERT_FALSE(died.ok());
  EXPECT_THAT(died.error().what, HasSubstr("the gateway ended without a word"));
}

}  // namespace
}  // namespace carrel::service
