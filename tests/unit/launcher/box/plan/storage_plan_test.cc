// Where a workspace's files come from, by the kind of its storage.

#include <gtest/gtest.h>

#include <algorithm>

#include "launcher/box/plan/plan.h"
#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::plan {
namespace {

const MountStep& step_of(const SandboxPlan& plan, SourceKind kind) {
  const auto step =
      std::find_if(plan.mounts.begin(), plan.mounts.end(), [&](const MountStep& each) {
        return each.source.has_value() && plan.sources[*each.source].kind == kind;
      });
  return *step;
}

SandboxPlan plan_on(StorageKind kind) {
  HostFacts facts = hybrid_host();
  facts.storage.kind = kind;
  return make_plan(sample_profile(), facts, sample_request()).take();
}

bool is_given(const SandboxPlan& plan, GuaranteeId id) {
  return std::any_of(plan.guarantees.begin(), plan.guarantees.end(),
                     [&](const Guarantee& each) { return each.id == id && each.given; });
}

TEST(StoragePlan, AnOverlayIsNotMappedAgain) {
  const SandboxPlan plan = plan_on(StorageKind::kImage);
  EXPECT_FALSE(step_of(plan, SourceKind::kTree).idmapped);
  EXPECT_TRUE(step_of(plan, SourceKind::kEntry).idmapped);
  EXPECT_TRUE(step_of(plan, SourceKind::kHome).idmapped);
  EXPECT_TRUE(is_given(plan, GuaranteeId::kDiskEncrypted));
}

TEST(StoragePlan, APlainFolderIsMappedAndSaysThatItIsNotEncrypted) {
  const SandboxPlan plan = plan_on(StorageKind::kFolder);
  EXPECT_TRUE(step_of(plan, SourceKind::kTree).idmapped);
  EXPECT_TRUE(step_of(plan, SourceKind::kHome).idmapped);
  EXPECT_FALSE(is_given(plan, GuaranteeId::kDiskEncrypted));
}

TEST(StoragePlan, HomeIsKeptAndWritable) {
  const MountStep home = step_of(plan_on(StorageKind::kImage), SourceKind::kHome);
  EXPECT_EQ(home.target.text(), "/home/contractor");
  EXPECT_EQ(home.access, Access::kReadWrite);
  EXPECT_EQ(home.exec, Exec::kAllowed);
}

}  // namespace
}  // namespace carrel::plan
