#include "launcher/box/plan/limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>

#include "launcher/box/plan/guarantee.h"
#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::plan {
namespace {

std::string missing_limits(const HostFacts& facts, const model::Profile* profile = nullptr) {
  for (const Guarantee& one : guarantees(facts, profile)) {
    if (one.id == GuaranteeId::kLimits && !one.given) return one.why;
  }
  return "";
}

TEST(Limits, WhatAProfileDoesNotSayHasAnExactDefault) {
  EXPECT_EQ(
      limits_text(model::Profile().limits),
      "512 processes, 4 GiB of memory with swap, 4096 open files a process, 1 GiB in each tmpfs");
}

TEST(Limits, OfTheDiskAreThoseOfAnImageAndOfContractorsOnly) {
  HostFacts facts = unified_host();
  const model::Profile profile = sample_profile();
  EXPECT_EQ(missing_limits(facts, &profile), "");
  facts.storage = {StorageKind::kImage, "it holds more files"};
  EXPECT_EQ(missing_limits(facts, &profile), "it holds more files");
  EXPECT_EQ(missing_limits(facts), "");
  facts.storage = {StorageKind::kFolder, "/dev/loop-control cannot be opened"};
  EXPECT_EQ(missing_limits(facts, &profile),
            "the workspace is a plain folder, which holds as much as the host's disk");
  EXPECT_EQ(missing_limits(facts), "");  // an internal workspace has no disk
}

TEST(Limits, OfAnOrdinaryUserAreThoseOfTheGroupsThatWereHandedOn) {
  HostFacts facts = ordinary_user();
  const model::Profile profile = sample_profile();
  facts.cgroup.reason = "none was handed on to this user";
  EXPECT_EQ(missing_limits(facts, &profile),
            "without a control group (none was handed on to this user) memory has no ceiling and "
            "processor time neither, and a plain folder holds as much as the host's disk; 512 "
            "processes and 4096 open files a process are kept by rlimits");
  EXPECT_FALSE(has_groups(facts));
  facts.cgroup.delegated = true;
  facts.cgroup.reason = "";
  EXPECT_TRUE(has_groups(facts));
  EXPECT_EQ(missing_limits(facts, &profile),
            "a plain folder holds as much as the host's disk; a control group that was handed on "
            "to you keeps 512 processes, 4 GiB of memory with swap, 4096 open files a process, 1 "
            "GiB in each tmpfs");
  facts.cgroup.memory_v1.clear();
  facts.cgroup.reason = "it is busy";
  EXPECT_EQ(missing_limits(facts, &profile),
            "no control group controller for memory (it is busy), and a plain folder holds as much "
            "as the host's disk");
}

TEST(Limits, AnOrdinaryUsersPlanHasCeilingsWhereGroupsWereHandedOn) {
  HostFacts facts = ordinary_user();
  PlanRequest request = sample_request();
  request.uid_base = 0;
  auto made = make_plan(sample_profile(), facts, request);
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  EXPECT_EQ(made.value().ceilings, Ceilings{});
  facts.cgroup.delegated = true;
  made = make_plan(sample_profile(), facts, request);
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  EXPECT_EQ(made.value().ceilings, (Ceilings{513, uint64_t{4} << 30, 0}));
}

const MountStep* tmpfs_at(const SandboxPlan& plan, const std::string& path) {
  for (const MountStep& step : plan.mounts) {
    if (step.kind == MountKind::kTmpfs && step.target.text() == path) return &step;
  }
  return nullptr;
}

TEST(Limits, ThePlanKeepsToTheProfile) {
  HostFacts facts = hybrid_host();
  facts.cgroup.cpu_v1 = "/sys/fs/cgroup/cpu";
  model::Profile profile = sample_profile();
  profile.limits.cpu_milli = 1500;
  profile.limits.memory_bytes = uint64_t{64} << 20;
  profile.limits.processes = 40;
  profile.limits.open_files = 64;
  profile.limits.tmpfs_bytes = uint64_t{16} << 20;
  const auto made = make_plan(profile, facts, sample_request());
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  const SandboxPlan& plan = made.value();
  EXPECT_EQ(plan.ceilings, (Ceilings{41, uint64_t{64} << 20, 1500}));
  std::map<int, std::pair<uint64_t, uint64_t>> rlimits;
  for (const Rlimit& one : plan.rlimits)
    rlimits[one.resource] = {one.soft, one.hard};
  EXPECT_EQ(rlimits.at(RLIMIT_NOFILE), std::pair(uint64_t{64}, uint64_t{64}));
  EXPECT_EQ(rlimits.at(RLIMIT_NPROC), std::pair(uint64_t{80}, uint64_t{80}));
  for (const char* path : {"/tmp", "/dev/shm"}) {
    const MountStep* step = tmpfs_at(plan, path);
    ASSERT_NE(step, nullptr) << path;
    EXPECT_EQ(step->size_bytes, uint64_t{16} << 20) << path;
    EXPECT_EQ(step->inodes, 4096U) << path;
  }
}

TEST(Limits, InitIsNoneOfTheContractorsProcesses) {
  const Ceilings ceilings = ceilings_of(hybrid_host().cgroup, default_limits());
  EXPECT_EQ(ceilings, (Ceilings{513, uint64_t{4} << 30, 0}));
  EXPECT_EQ(ceilings_of(unified_host().cgroup, default_limits()), ceilings);
}

TEST(Limits, ACeilingNeedsItsController) {
  Limits limits = default_limits();
  limits.cpu_milli = 1500;
  CgroupFacts facts = hybrid_host().cgroup;
  EXPECT_EQ(ceilings_of(facts, limits).cpu_milli, 0U);
  facts.cpu_v1 = "/sys/fs/cgroup/cpu";
  EXPECT_EQ(ceilings_of(facts, limits).cpu_milli, 1500U);
  facts.pids_v1.clear();
  facts.memory_v1.clear();
  EXPECT_EQ(ceilings_of(facts, limits), (Ceilings{0, 0, 1500}));
  facts = unified_host().cgroup;
  facts.cpu_v2 = true;
  EXPECT_EQ(ceilings_of(facts, limits), (Ceilings{513, uint64_t{4} << 30, 1500}));
}

TEST(Limits, SwapThatNobodyCountsIsMissing) {
  HostFacts facts = hybrid_host();
  EXPECT_EQ(missing_limits(facts), "");
  facts.cgroup.swap = true;
  EXPECT_EQ(missing_limits(facts), "memory that is swapped out is not counted");
  facts.cgroup.swap_counted = true;
  EXPECT_EQ(missing_limits(facts), "");
}

TEST(Limits, AmountsAreInTheLargestUnitThatFits) {
  EXPECT_EQ(amount_text("memory", 64 << 20), "64 MiB");
  EXPECT_EQ(amount_text("memory", (64 << 20) + 1), "64.0 MiB");
  EXPECT_EQ(amount_text("disk", 1536 << 20), "1.5 GiB");
  EXPECT_EQ(amount_text("tmpfs", 0), "0 B");
  EXPECT_EQ(amount_text("disk", UINT64_MAX), "16777215.9 TiB");
  EXPECT_EQ(amount_text("processes", 64), "64");
  EXPECT_EQ(amount_text("inodes", 1000000), "1000000");
  EXPECT_EQ(amount_text("cpu", 2000), "2.0");
  EXPECT_EQ(amount_text("cpu", 1505), "1.505");
  EXPECT_EQ(amount_text("cpu", 50), "0.05");
}

}  // namespace
}  // namespace carrel::plan
