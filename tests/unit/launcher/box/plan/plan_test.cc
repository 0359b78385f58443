#include "launcher/box/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "launcher/box/plan/landlock.h"
#include "launcher/box/plan/view.h"
#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::plan {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

SandboxPlan plan_of(const HostFacts& facts, const PlanRequest& request) {
  auto plan = make_plan(sample_profile(), facts, request);
  EXPECT_TRUE(plan.ok()) << to_string(plan.error());
  return plan.take();
}

std::string refusal(const model::Profile& profile, const HostFacts& facts,
                    const PlanRequest& request) {
  auto plan = make_plan(profile, facts, request);
  return plan.ok() ? "" : plan.error().what;
}

const MountStep* step_at(const SandboxPlan& plan, const std::string& target, MountKind kind) {
  for (const MountStep& step : plan.mounts) {
    if (step.kind == kind && step.target.text() == target) return &step;
  }
  return nullptr;
}

TEST(Plan, EqualInputsGiveEqualPlansAndTexts) {
  const SandboxPlan one = plan_of(hybrid_host(), sample_request());
  const SandboxPlan two = plan_of(hybrid_host(), sample_request());
  EXPECT_EQ(one, two);
  EXPECT_EQ(print_plan(one), print_plan(two));
}

TEST(Plan, PassesOnlyTermAndLangOfTheCallersEnvironment) {
  const SandboxPlan plan = plan_of(hybrid_host(), sample_request());
  EXPECT_THAT(plan.environment, Contains("TERM=xterm-256color"));
  EXPECT_THAT(plan.environment, Contains("LANG=de_DE.UTF-8"));
  EXPECT_THAT(plan.environment, Not(Contains(HasSubstr("LD_PRELOAD"))));
  EXPECT_EQ(plan.environment.size(), 7U);
}

TEST(Plan, ReplacesOddValuesOfTermAndLang) {
  PlanRequest request = sample_request();
  request.environment = {{"TERM", "../../evil"}, {"LANG", "a\nLD_PRELOAD=x"}};
  const SandboxPlan plan = plan_of(hybrid_host(), request);
  EXPECT_THAT(plan.environment, Contains("TERM=dumb"));
  EXPECT_THAT(plan.environment, Contains("LANG=C.UTF-8"));
}

TEST(Plan, EveryHostBindIsReadOnlyAndOnAnAllowlist) {
  const SandboxPlan plan = plan_of(unified_host(), sample_request());
  for (const MountStep& step : plan.mounts) {
    if (step.kind != MountKind::kHostBind) continue;
    ASSERT_TRUE(step.host.has_value());
    EXPECT_EQ(step.access, Access::kReadOnly) << step.target.text();
    const std::string top = step.host->parts().front();
    const bool listed =
        top == "usr" || top == "etc" ||
        std::find(kRootEntries.begin(), kRootEntries.end(), top) != kRootEntries.end();
    EXPECT_TRUE(listed) << step.target.text();
  }
}

TEST(Plan, OnlyItsOwnPlacesAreWritable) {
  const SandboxPlan plan = plan_of(hybrid_host(), sample_request());
  std::vector<std::string> writable;
  for (const MountStep& step : plan.mounts) {
    const bool storage = step.kind == MountKind::kTmpfs || step.kind == MountKind::kSource;
    if (storage && step.access == Access::kReadWrite) writable.push_back(step.target.text());
  }
  EXPECT_THAT(writable, testing::UnorderedElementsAre("/dev/shm", "/tmp", "/home/contractor",
                                                      "/workspaces/engine"));
}

TEST(Plan, ReadOnlyEntriesLieOverTheirTreeAndMakeNothing) {
  const SandboxPlan plan = plan_of(hybrid_host(), sample_request());
  const MountStep* tree = step_at(plan, "/workspaces/engine", MountKind::kSource);
  const MountStep* file = step_at(plan, "/workspaces/engine/include/api.h", MountKind::kSource);
  ASSERT_NE(tree, nullptr);
  ASSERT_NE(file, nullptr);
  EXPECT_LT(tree, file);
  EXPECT_EQ(file->access, Access::kReadOnly);
  EXPECT_EQ(file->type, TargetType::kFile);
  EXPECT_FALSE(file->make_target);
  EXPECT_EQ(plan.sources[*file->source], (Source{SourceKind::kEntry, "engine", 1}));
}

TEST(Plan, ProcSysIsReadOnlyAndKcoreMaskedUnconditionally) {
  const SandboxPlan plan = plan_of(unified_host(), sample_request());
  EXPECT_NE(step_at(plan, "/proc/sys", MountKind::kReadOnly), nullptr);
  EXPECT_NE(step_at(plan, "/proc/kcore", MountKind::kMaskFile), nullptr);
  EXPECT_NE(step_at(plan, "/proc/sysrq-trigger", MountKind::kMaskFile), nullptr);
}

TEST(Plan, CredentialsAreMountedOnlyWhereTheProfileHasSome) {
  model::Profile profile = sample_profile();
  EXPECT_NE(step_at(plan_of(hybrid_host(), sample_request()), "/run/carrel/credentials",
                    MountKind::kSource),
            nullptr);
  profile.credentials.clear();
  const auto plan = make_plan(profile, hybrid_host(), sample_request());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(step_at(plan.value(), "/run/carrel/credentials", MountKind::kSource), nullptr);
}

TEST(Plan, RefusesABaseThatIsNoSlot) {
  for (const uint32_t base : {0U, 1000U, kBlockBase, kBlockBase + 9, 0xFFFFFFF8U}) {
    PlanRequest request = sample_request();
    request.uid_base = base;
    EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("slot")) << base;
  }
}

TEST(Plan, RefusesTreesThatDoNotMatchTheProfile) {
  PlanRequest request = sample_request();
  request.repositories.clear();
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("engine"));
  request = sample_request();
  request.repositories.push_back({"other", {}});
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("does not name"));
}

TEST(Plan, RefusesOddCommands) {
  PlanRequest request = sample_request();
  request.command = {std::string("a\0b", 3)};
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("NUL"));
  request.command = {""};
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("empty"));
  request.command.assign(5000, "x");
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("4096"));
  request.command = {std::string(1 << 20, 'x')};
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), request), HasSubstr("1 MiB"));
}

PlanRequest ordinary_request() {
  PlanRequest request = sample_request();
  request.uid_base = 0;
  return request;
}

TEST(Plan, OfAnOrdinaryUserHasOneUidAListenerAndNoIdmaps) {
  const SandboxPlan plan = plan_of(ordinary_user(), ordinary_request());
  EXPECT_EQ(plan.uids, (UidPlan{0, true}));
  EXPECT_EQ(plan.uids.first_inside(), kPayloadUid);
  EXPECT_EQ(plan.uids.count(), 1U);
  EXPECT_EQ(plan.uids.payload_host(), 0U);
  EXPECT_EQ(plan.uids.recorder_host(), 0U);
  EXPECT_EQ(plan.watched, Watched::kByListener);
  EXPECT_EQ(plan.ceilings, Ceilings{});
  for (const MountStep& step : plan.mounts)
    EXPECT_FALSE(step.idmapped) << step.target.text();
  // All else is the same view.
  EXPECT_EQ(plan.mounts.size(), plan_of(hybrid_host(), sample_request()).mounts.size());
}

TEST(Plan, OfRootIsWatchedFromOutside) {
  const SandboxPlan plan = plan_of(hybrid_host(), sample_request());
  EXPECT_EQ(plan.watched, Watched::kFromOutside);
  EXPECT_EQ(plan.uids.first_inside(), kInitUid);
  EXPECT_EQ(plan.uids.count(), 2U);
  EXPECT_EQ(plan.uids.recorder_host(), kBlockBase + 10);
}

TEST(Plan, AnOrdinaryUserHasNoSlotAndRootNoUidZero) {
  EXPECT_THAT(refusal(sample_profile(), ordinary_user(), sample_request()), HasSubstr("slot"));
  EXPECT_THAT(refusal(sample_profile(), hybrid_host(), ordinary_request()), HasSubstr("slot"));
}

TEST(Plan, TheSlicerOfAnOrdinaryUserHasNoListener) {
  SlicerRequest request;
  request.arguments = {"carrel-slicer"};
  const auto plan = make_slicer_plan(ordinary_user(), request);
  ASSERT_TRUE(plan.ok()) << to_string(plan.error());
  EXPECT_EQ(plan.value().watched, Watched::kFromOutside);
  EXPECT_EQ(plan.value().uids, (UidPlan{0, true}));
}

// Each feature taken away must be named, with something to do about it.
struct Lack {
  const char* name;
  std::function<void(HostFacts&)> take;
};

TEST(Plan, EachMissingFeatureIsRefusedByName) {
  const std::vector<Lack> lacks = {
      {"x86_64", [](HostFacts& f) { f.machine = "aarch64"; }},
      {"user namespaces", [](HostFacts& f) { f.user_namespaces = false; }},
      {"network namespaces", [](HostFacts& f) { f.network_namespaces = false; }},
      {"two host uids", [](HostFacts& f) { f.two_uids = false; }},
      {"clone3 into", [](HostFacts& f) { f.clone_into_cgroup = false; }},
      {"mount calls", [](HostFacts& f) { f.new_mount_api = false; }},
      {"idmapped", [](HostFacts& f) { f.idmapped_mounts = false; }},
      {"openat2", [](HostFacts& f) { f.openat2 = false; }},
      {"close_range", [](HostFacts& f) { f.close_range = false; }},
      {"pidfd", [](HostFacts& f) { f.pidfd = false; }},
      {"seccomp", [](HostFacts& f) { f.seccomp_kill_process = false; }},
      {"sensor", [](HostFacts& f) { f.sensor = {}; }},
      {"cgroup2", [](HostFacts& f) { f.cgroup = {}; }},
      {"cgroup.kill", [](HostFacts& f) { f.cgroup.has_kill = false; }},
      {"cgroup.freeze", [](HostFacts& f) { f.cgroup.has_freeze = false; }},
      {"/bin", [](HostFacts& f) { f.root_entries.erase(f.root_entries.begin()); }},
      {"/dev/urandom", [](HostFacts& f) { f.devices.erase(f.devices.end() - 2); }},
  };
  for (const Lack& lack : lacks) {
    HostFacts facts = hybrid_host();
    lack.take(facts);
    const std::string text = refusal(sample_profile(), facts, sample_request());
    EXPECT_THAT(text, HasSubstr(lack.name));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_FALSE(check_host(sample_profile(), facts).ok()) << lack.name;
  }
}

TEST(Plan, WhatAnOrdinaryUserLacksIsRefusedByNameAndNothingElse) {
  const std::vector<Lack> lacks = {
      {"user namespaces", [](HostFacts& f) { f.user_namespaces = false; }},
      {"network namespaces", [](HostFacts& f) { f.network_namespaces = false; }},
      {"mount calls", [](HostFacts& f) { f.new_mount_api = false; }},
      {"procfs", [](HostFacts& f) { f.new_procfs = false; }},
      {"sensor", [](HostFacts& f) { f.sensor = {}; }},
      {"seccomp", [](HostFacts& f) { f.seccomp_errno = false; }},
      {"pidfd", [](HostFacts& f) { f.pidfd = false; }},
  };
  ASSERT_TRUE(check_host(ordinary_user()).ok());
  for (const Lack& lack : lacks) {
    HostFacts facts = ordinary_user();
    lack.take(facts);
    const std::string text = refusal(sample_profile(), facts, ordinary_request());
    EXPECT_THAT(text, HasSubstr(lack.name));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  }
  HostFacts facts = ordinary_user();
  facts.cgroup = {};
  facts.clone_into_cgroup = false;
  EXPECT_TRUE(check_host(facts).ok());
}

TEST(Plan, FullAssuranceIsRefusedToAnOrdinaryUserWithTheList) {
  model::Profile profile = sample_profile();
  profile.session.assurance = model::AssuranceLevel::kFull;
  const std::string text = refusal(profile, ordinary_user(), ordinary_request());
  for (const char* id : {"events-complete", "names-exact", "limits", "disk-encrypted",
                         "recorder-separate", "init-separate"}) {
    EXPECT_THAT(text, HasSubstr(std::string("guarantee ") + id));
  }
}

TEST(Plan, WithoutControllersThereAreNoCeilingsAndBestGoesOn) {
  HostFacts facts = hybrid_host();
  facts.cgroup.memory_v1.clear();
  const SandboxPlan plan = plan_of(facts, sample_request());
  EXPECT_EQ(plan.ceilings, (Ceilings{513, 0, 0}));
}

TEST(Plan, FullAssuranceIsRefusedWhileAUsedGuaranteeIsMissing) {
  model::Profile profile = sample_profile();
  profile.session.assurance = model::AssuranceLevel::kFull;
  const std::string text = refusal(profile, hybrid_host(), sample_request());
  EXPECT_THAT(text, HasSubstr("names-exact"));
  EXPECT_THAT(text, Not(HasSubstr("disk-encrypted")));
  EXPECT_THAT(text, Not(HasSubstr("record-unlosable")));
  HostFacts folders = hybrid_host();
  folders.storage.kind = StorageKind::kFolder;
  EXPECT_THAT(refusal(profile, folders, sample_request()), HasSubstr("disk-encrypted"));
}

TEST(Plan, NeverRunsAsUidZeroOfTheHost) {
  const SandboxPlan plan = plan_of(hybrid_host(), sample_request());
  EXPECT_EQ(plan.uids.init_host(), kBlockBase + 8);
  EXPECT_EQ(plan.uids.payload_host(), kBlockBase + 9);
}

TEST(Landlock, RightsFollowTheAbi) {
  EXPECT_EQ(landlock_known_rights(0), 0U);
  EXPECT_EQ(landlock_known_rights(1), 0U);
  EXPECT_EQ(landlock_known_rights(2), 0x3FFFU);
  EXPECT_EQ(landlock_known_rights(3), 0x7FFFU);
  EXPECT_EQ(landlock_known_rights(4), 0x7FFFU);
  EXPECT_EQ(landlock_known_rights(5), 0xFFFFU);
  for (int abi = 2; abi < 8; ++abi) {
    const LandlockPlan plan = make_landlock(abi, {inside("/tmp")}, true);
    EXPECT_EQ(plan.scoped, abi < 6 ? 0U : 3U);
    for (const LandlockRule& rule : plan.rules)
      EXPECT_EQ(rule.rights & ~plan.handled_fs, 0U);
  }
}

TEST(Landlock, DeviceNodesAreNeverMade) {
  for (const LandlockRule& rule : make_landlock(7, {inside("/tmp")}, true).rules) {
    EXPECT_EQ(rule.rights & (1U << 6 | 1U << 11), 0U) << rule.path.text();
  }
}

TEST(GitConfig, QuotesNamesSoThatNoneStartsASection) {
  EXPECT_EQ(git_quoted("Ada"), "\"Ada\"");
  EXPECT_EQ(git_quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(git_quoted("x\n[core]\n\tpager = evil"), "\"x [core]  pager = evil\"");
}

SshdRequest sshd_request() {
  SshdRequest request;
  request.uid_base = kBlockBase + 16;
  request.host_key = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  request.authority = "ssh-ed25519 AAAA";
  request.principal = "01hzw00000000000000000000s";
  request.notice = "this is recorded\n";
  return request;
}

TEST(SshdPlan, ShowsTheServerItsConfigurationAndNothingOfTheWorkspace) {
  const auto made = make_sshd_plan(hybrid_host(), sshd_request());
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  const SandboxPlan& plan = made.value();
  EXPECT_EQ(plan.uids, (UidPlan{kBlockBase + 20, true}));
  EXPECT_EQ(plan.uids.payload_host(), kBlockBase + 20);
  ASSERT_NE(step_at(plan, "/etc/ssh/host_key", MountKind::kFile), nullptr);
  EXPECT_EQ(step_at(plan, "/etc/ssh/host_key", MountKind::kFile)->mode, 0600U);
  EXPECT_EQ(step_at(plan, "/etc/ssh/principals", MountKind::kFile)->text,
            "01hzw00000000000000000000s\n");
  EXPECT_EQ(step_at(plan, "/etc/ssh/notice", MountKind::kFile)->text, "this is recorded\n");
  ASSERT_NE(step_at(plan, "/run/carrel", MountKind::kSource), nullptr);
  EXPECT_EQ(step_at(plan, "/run/carrel", MountKind::kSource)->access, Access::kReadOnly);
  EXPECT_EQ(step_at(plan, "/carrel-channel", MountKind::kSource)->type, TargetType::kFile);
  EXPECT_EQ(plan.sources, (std::vector<Source>{{SourceKind::kChannel, "", 0},
                                               {SourceKind::kChannelProgram, "", 0}}));
  for (const MountStep& step : plan.mounts) {
    EXPECT_FALSE(step.target.text().starts_with("/workspaces")) << step.target.text();
    EXPECT_FALSE(step.target.text().starts_with("/home")) << step.target.text();
    EXPECT_NE(step.target.text(), "/tmp");
  }
  EXPECT_EQ(plan.seccomp, SeccompProgram::kSshd);
  EXPECT_EQ(plan.watched, Watched::kFromOutside);
  EXPECT_EQ(plan.command.front(), kSshdPath);
  EXPECT_THAT(print_plan(plan), HasSubstr("seccomp sshd"));
}

TEST(SshdPlan, TakesNoTextThatWouldBeMoreThanOneLineOfAFile) {
  for (const char* text : {"", "two\nlines", "a\tb"}) {
    SshdRequest request = sshd_request();
    request.principal = text;
    EXPECT_FALSE(make_sshd_plan(hybrid_host(), request).ok()) << text;
    request = sshd_request();
    request.authority = text;
    EXPECT_FALSE(make_sshd_plan(hybrid_host(), request).ok()) << text;
  }
  SshdRequest request = sshd_request();
  request.uid_base = 1000;
  EXPECT_FALSE(make_sshd_plan(hybrid_host(), request).ok());
}

TEST(SshdConfiguration, ForwardsToTheGivenPortsOfTheLoopbackAndNothingElse) {
  const std::string none = sshd_configuration({});
  EXPECT_THAT(none, HasSubstr("\nAllowTcpForwarding local\nPermitOpen none\n"));
  const std::string some = sshd_configuration({3000, 8080});
  EXPECT_THAT(some,
              HasSubstr("\nAllowTcpForwarding local\nPermitOpen 127.0.0.1:3000 localhost:3000 "
                        "[::1]:3000 127.0.0.1:8080 localhost:8080 [::1]:8080\n"));
  for (const char* line : {"PermitListen none", "AllowStreamLocalForwarding no", "PermitTunnel no",
                           "AllowAgentForwarding no", "X11Forwarding no", "AuthorizedKeysFile none",
                           "AuthenticationMethods publickey", "ForceCommand /carrel-channel"}) {
    EXPECT_THAT(some, HasSubstr("\n" + std::string(line) + "\n"));
  }
}

TEST(SlicerPlan, SeesOneRepositoryReadOnlyAndOneFolder) {
  SlicerRequest request;
  request.uid_base = kBlockBase + 8;
  request.arguments = {"carrel-slicer"};
  const auto made = make_slicer_plan(hybrid_host(), request);
  ASSERT_TRUE(made.ok()) << to_string(made.error());
  const SandboxPlan& plan = made.value();
  const MountStep* repository = step_at(plan, "/repository", MountKind::kSource);
  ASSERT_NE(repository, nullptr);
  EXPECT_EQ(repository->access, Access::kReadOnly);
  EXPECT_FALSE(repository->idmapped);
  EXPECT_EQ(step_at(plan, "/output", MountKind::kSource)->access, Access::kReadWrite);
  EXPECT_TRUE(step_at(plan, "/output", MountKind::kSource)->idmapped);
  EXPECT_EQ(plan.seccomp, SeccompProgram::kSlicer);
  EXPECT_EQ(plan.program, Program::kDescriptor);
  EXPECT_EQ(plan.terminal, Terminal::kPipes);
  EXPECT_EQ(step_at(plan, "/dev/tty", MountKind::kDevice), nullptr);
  request.output_idmapped = false;
  const auto mending = make_slicer_plan(hybrid_host(), request);
  ASSERT_TRUE(mending.ok()) << to_string(mending.error());
  EXPECT_FALSE(step_at(mending.value(), "/output", MountKind::kSource)->idmapped);
  request.has_output = false;
  const auto asking = make_slicer_plan(hybrid_host(), request);
  ASSERT_TRUE(asking.ok()) << to_string(asking.error());
  EXPECT_EQ(step_at(asking.value(), "/output", MountKind::kSource), nullptr);
  EXPECT_NE(step_at(asking.value(), "/repository", MountKind::kSource), nullptr);
  EXPECT_EQ(asking.value().sources.size(), 1U);
  request.arguments.clear();
  EXPECT_FALSE(make_slicer_plan(hybrid_host(), request).ok());
}

}  // namespace
}  // namespace carrel::plan
