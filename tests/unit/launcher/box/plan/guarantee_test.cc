#include "launcher/box/plan/guarantee.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::plan {
namespace {

std::set<std::string> missing(const HostFacts& facts, const model::Profile* profile = nullptr) {
  std::set<std::string> names;
  for (const Guarantee& one : guarantees(facts, profile)) {
    if (!one.given) names.insert(std::string(to_string(one.id)));
  }
  return names;
}

using Names = std::set<std::string>;

TEST(Guarantees, AreAllListedOnceInTheirOrderEachWithAReason) {
  const auto list = guarantees(hybrid_host(), nullptr);
  ASSERT_EQ(list.size(), 9U);
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(list[i].id), i);
    EXPECT_FALSE(list[i].why.empty());
    EXPECT_NE(to_string(list[i].id), "unknown");
    EXPECT_TRUE(!list[i].given || list[i].mends.empty());
  }
}

TEST(Guarantees, WhatAGoodHostLacksIsWhatIsNotBuilt) {
  EXPECT_EQ(missing(unified_host()), (Names{"record-unlosable"}));
}

TEST(Guarantees, TheSyscallBackEndHasNoExactNames) {
  EXPECT_EQ(missing(hybrid_host()), (Names{"names-exact", "record-unlosable"}));
}

TEST(Guarantees, LimitsNeedBothControllersOfEitherVersion) {
  HostFacts facts = hybrid_host();
  facts.cgroup.pids_v1.clear();
  EXPECT_TRUE(missing(facts).contains("limits"));
  facts.cgroup.pids_v2 = true;
  EXPECT_FALSE(missing(facts).contains("limits"));
}

TEST(Guarantees, FollowEachFact) {
  HostFacts facts = hybrid_host();
  facts.sensor = {};
  EXPECT_TRUE(missing(facts).contains("events-complete"));
  facts = hybrid_host();
  facts.storage.kind = StorageKind::kFolder;
  EXPECT_TRUE(missing(facts).contains("disk-encrypted"));
  facts = hybrid_host();
  facts.seccomp_errno = false;
  EXPECT_TRUE(missing(facts).contains("io-uring-refused"));
  facts = hybrid_host();
  facts.machine = "riscv64";
  EXPECT_TRUE(missing(facts).contains("io-uring-refused"));
  facts = hybrid_host();
  facts.two_uids = false;
  EXPECT_TRUE(missing(facts).contains("init-separate"));
  facts = hybrid_host();
  facts.network_namespaces = false;
  EXPECT_TRUE(missing(facts).contains("network-isolated"));
  facts = hybrid_host();
  facts.root = false;
  EXPECT_TRUE(missing(facts).contains("recorder-separate"));
  EXPECT_TRUE(missing(facts).contains("limits"));
}

TEST(Guarantees, OfAnOrdinaryUserAreThoseThatOneUidAndAListenerCanGive) {
  const HostFacts facts = ordinary_user();
  EXPECT_EQ(facts.sensor.back_end, SensorBackEnd::kNotify);
  EXPECT_EQ(missing(facts), (Names{"events-complete", "names-exact", "limits", "disk-encrypted",
                                   "recorder-separate", "init-separate"}));
  for (const Guarantee& one : guarantees(facts, nullptr)) {
    if (one.id != GuaranteeId::kRecorderSeparate) continue;
    EXPECT_NE(one.why.find("proves nothing against"), std::string::npos) << one.why;
  }
}

TEST(Guarantees, SayThatConnectionsAreOfAnUnknownProcess) {
  HostFacts facts = hybrid_host();
  facts.sensor.back_end = SensorBackEnd::kSyscall;
  const auto why = [&facts] { return guarantees(facts, nullptr).front().why; };
  EXPECT_EQ(why().find("unknown process"), std::string::npos);
  facts.sensor.no_flows = "attach the sensor to cgroup/connect4";
  EXPECT_NE(why().find("unknown process: attach the sensor to cgroup/connect4"), std::string::npos);
}

TEST(Guarantees, AnOrdinaryUserWithoutAListenerThatHoldsHasNoSensor) {
  HostFacts facts = ordinary_user();
  facts.user_notify = false;
  facts.sensor = sensor_of_ordinary_user(facts);
  EXPECT_EQ(facts.sensor.back_end, SensorBackEnd::kNone);
  EXPECT_FALSE(facts.sensor.reason.empty());
  EXPECT_TRUE(missing(facts).contains("record-unlosable"));
}

TEST(Guarantees, AProfileThatEndsOnFailureDoesNotUseRecordUnlosable) {
  const model::Profile profile = sample_profile();
  for (const Guarantee& one : guarantees(hybrid_host(), &profile)) {
    EXPECT_EQ(one.used, one.id != GuaranteeId::kRecordUnlosable) << to_string(one.id);
  }
}

std::string assurance_document() {
  std::ifstream file(CARREL_SOURCE_DIR "/docs/assurance.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(AssuranceDocument, HasOneRowInEachTableForEveryGuarantee) {
  const std::string text = assurance_document();
  for (const Guarantee& one : guarantees(hybrid_host(), nullptr)) {
    const std::string row = "\n| `" + std::string(to_string(one.id)) + "` |";
    size_t count = 0;
    for (size_t at = text.find(row); at != std::string::npos; at = text.find(row, at + 1))
      ++count;
    EXPECT_EQ(count, 2U) << row;
  }
  // The two tables of guarantees; what follows tells of other things.
  const std::string tables = text.substr(0, text.find("\n## An ordinary user"));
  ASSERT_LT(tables.size(), text.size());
  size_t rows = 0;
  for (size_t at = tables.find("\n| `"); at != std::string::npos; at = tables.find("\n| `", at + 1))
    ++rows;
  EXPECT_EQ(rows, 18U);
}

TEST(AssuranceDocument, NamesOnlyTestsThatAreThere) {
  const std::string text = assurance_document();
  size_t named = 0;
  for (size_t at = text.find("`tests/"); at != std::string::npos;
       at = text.find("`tests/", at + 1)) {
    const std::string path = text.substr(at + 1, text.find('`', at + 1) - at - 1);
    EXPECT_TRUE(std::filesystem::exists(std::string(CARREL_SOURCE_DIR "/") + path)) << path;
    ++named;
  }
  EXPECT_GT(named, 5U);
}

}  // namespace
}  // namespace carrel::plan
