// Leases on their way: into the workspace's folder or to the sink, and the order of the end.

#include "launcher/watch/session/lease_keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "launcher/watch/session/clock.h"
#include "tests/support/folder.h"

namespace carrel::session {
namespace {

using protocol::Connection;
using protocol::Type;

class LeaseKeeping : public testing::Test {
 protected:
  LeaseKeeping() {
    auto [ours, theirs] = protocol::make_socket_pair().take();
    broker_ = Connection(std::move(theirs));
    record_ = RecordLink::start(
                  "01hzw00000000000000000000s", system_clock(),
                  [](std::span<uint8_t> out) { std::fill(out.begin(), out.end(), uint8_t{7}); },
                  evidence::generate_seed, std::move(ours))
                  .take();
    record_->open(events::RecorderOpen());
    keeper_.emplace(std::vector<std::string>{"a-file", "b-header", "c-x509"},
                    CredentialFolder(
                        UniqueFd(open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))),
                    *record_);
  }

  static protocol::Minted minted(const std::string& name, const std::string& kind,
                                 bool renewal = false) {
    protocol::Minted message;
    message.set_name(name);
    message.set_kind(kind);
    message.set_lease("01hzw0000000000000000000l" + std::to_string(count_++ % 10));
    message.set_issued(1000);
    message.set_not_after(1120);
    message.set_renewal(renewal);
    message.set_secret("hunter2");
    message.set_private_key("key");
    return message;
  }

  Status take(const protocol::Minted& message) {
    protocol::Message answer{Type::kMinted, message.SerializeAsString(), {}};
    Status taken = keeper_->take(answer, 1000);
    EXPECT_EQ(answer.body, "");
    return taken;
  }

  void use_sink() {
    keeper_->use_sink({[this](const protocol::Minted& lease) {
                         steps_ += "take " + lease.name() + "=" + lease.secret() +
                                   lease.private_key() + (lease.renewal() ? " again; " : "; ");
                         return sink_answer_;
                       },
                       [this](const std::string& name) {
                         const bool file = std::filesystem::exists(folder_ / "a-file");
                         steps_ += "end " + name + (file ? " before files; " : "; ");
                       }});
  }

  support::Folder folder_;
  Connection broker_;
  std::unique_ptr<RecordLink> record_;
  std::optional<LeaseKeeper> keeper_;
  std::string steps_;
  Status sink_answer_ = Done{};
  static inline int count_ = 0;
};

TEST_F(LeaseKeeping, HandsToTheSinkWhatNoWorkspaceMaySee) {
  use_sink();
  keeper_->ask_due(1000);
  ASSERT_TRUE(take(minted("a-file", "file")).ok());
  ASSERT_TRUE(take(minted("b-header", "header")).ok());
  EXPECT_FALSE(keeper_->complete());
  ASSERT_TRUE(take(minted("c-x509", "x509")).ok());
  EXPECT_TRUE(keeper_->complete());
  EXPECT_EQ(steps_, "take b-header=hunter2key; take c-x509=hunter2key; ");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "a-file/secret"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b-header"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c-x509"));
  steps_.clear();
  keeper_->ask_due(1060);
  ASSERT_TRUE(take(minted("b-header", "header", true)).ok());
  EXPECT_EQ(steps_, "take b-header=hunter2key again; ");
}

/// The broker ends a session that asks so for what no gateway ever had.
TEST_F(LeaseKeeping, AsksAgainForWhatTheSinkHasLostAlone) {
  use_sink();
  keeper_->ask_due(1000);
  for (const auto& [name, kind] :
       {std::pair{"a-file", "file"}, {"b-header", "header"}, {"c-x509", "x509"}})
    ASSERT_TRUE(take(minted(name, kind)).ok());
  keeper_->ask_again();
  keeper_->ask_due(1001);
  std::string asked;
  while (true) {
    const auto heard = broker_.receive(200);
    if (!heard.ok() || !heard.value().has_value()) break;
    protocol::MintCredential wanted;
    if (heard.value()->type != Type::kMintCredential) continue;
    ASSERT_TRUE(wanted.ParseFromString(heard.value()->body));
    if (wanted.renewal()) asked += wanted.name() + (wanted.again() ? " again; " : "; ");
  }
  EXPECT_EQ(asked, "b-header again; c-x509 again; ");
}

TEST_F(LeaseKeeping, EndsTheSinksLeasesBeforeTheFiles) {
  use_sink();
  keeper_->ask_due(1000);
  for (const auto& [name, kind] :
       {std::pair{"a-file", "file"}, {"b-header", "header"}, {"c-x509", "x509"}})
    ASSERT_TRUE(take(minted(name, kind)).ok());
  steps_.clear();
  const uint64_t before = record_->recorder().events();
  EXPECT_TRUE(keeper_->end().ok());
  EXPECT_EQ(record_->recorder().events(), before + 3);
  EXPECT_EQ(steps_, "end b-header before files; end c-x509 before files; ");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_FALSE(record_->failed()) << record_->failure();
  // What comes too late is taken by nobody.
  steps_.clear();
  EXPECT_FALSE(take(minted("b-header", "header")).ok());
  EXPECT_TRUE(keeper_->end().ok());
  EXPECT_EQ(steps_, "");
}

TEST_F(LeaseKeeping, IsAnErrorWhereNobodyCanTakeIt) {
  keeper_->ask_due(1000);
  EXPECT_EQ(take(minted("b-header", "header")).error().what,
            "credential b-header of kind header: this session has no gateway to take it");
  EXPECT_EQ(take(minted("a-file", "ssh")).error().what,
            "credential a-file of kind ssh is not known");
  use_sink();
  sink_answer_ = Error{"the gateway is gone"};
  EXPECT_EQ(take(minted("c-x509", "x509")).error().what, "the gateway is gone");
}

TEST_F(LeaseKeeping, TakesBackWhatWasGranted) {
  use_sink();
  keeper_->grant("d-header", 1100);
  keeper_->grant("e-file", 1100);
  keeper_->ask_due(1000);
  ASSERT_TRUE(take(minted("d-header", "header")).ok());
  ASSERT_TRUE(take(minted("e-file", "file")).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_ / "e-file/secret"));
  steps_.clear();
  const uint64_t before = record_->recorder().events();
  EXPECT_TRUE(keeper_->end_granted("d-header").ok());
  EXPECT_TRUE(keeper_->end_granted("e-file").ok());
  EXPECT_TRUE(keeper_->end_granted("e-file").ok());
  EXPECT_EQ(steps_, "end d-header; ");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "e-file"));
  EXPECT_EQ(record_->recorder().events(), before + 2);
}

TEST_F(LeaseKeeping, WhatIsRefusedOfAGrantEndsNoSession) {
  auto refusal = minted("d-header", "header");
  refusal.set_error("there is no file");
  keeper_->grant("d-header", 1100);
  keeper_->ask_due(1000);
  EXPECT_TRUE(take(refusal).ok());
  const auto failed = keeper_->take_failed();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].name, "d-header");
  EXPECT_EQ(failed[0].why, "there is no file");
  EXPECT_TRUE(keeper_->take_failed().empty());
  refusal.set_name("b-header");
  EXPECT_FALSE(take(refusal).ok()) << "without this one no session begins";
}

TEST_F(LeaseKeeping, WhatComesAfterTheEndOfAGrantIsDropped) {
  use_sink();
  keeper_->grant("d-header", 1100);
  keeper_->ask_due(1000);
  EXPECT_TRUE(keeper_->end_granted("d-header").ok());
  EXPECT_TRUE(take(minted("d-header", "header")).ok());
  EXPECT_EQ(steps_, "");
  EXPECT_FALSE(take(minted("d-header", "header")).ok()) << "nobody asked for that";
}

}  // namespace
}  // namespace carrel::session
