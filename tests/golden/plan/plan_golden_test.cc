#include <gtest/gtest.h>

#include "launcher/box/plan/plan.h"
#include "launcher/box/plan/seccomp_table.h"
#include "tests/support/golden.h"
#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::plan {
namespace {

void expect_plan(const Result<SandboxPlan>& plan, const std::string& name) {
  ASSERT_TRUE(plan.ok()) << to_string(plan.error());
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/plan/" + name, print_plan(plan.value()));
}

TEST(PlanGolden, HybridHostWithTerminalAndCredential) {
  expect_plan(make_plan(sample_profile(), hybrid_host(), sample_request()), "hybrid_host.txt");
}

TEST(PlanGolden, UnifiedHostWithPipesTwoRepositoriesAndTheShell) {
  model::Profile profile = sample_profile();
  profile.credentials.clear();
  profile.repositories.push_back(profile.repositories[0]);
  profile.repositories[1].name = "tools";
  PlanRequest request = sample_request();
  request.uid_base = kBlockBase + 24;
  request.repositories.insert(request.repositories.begin(), {"tools", {}});
  request.command.clear();
  request.terminal = Terminal::kPipes;
  request.environment.clear();
  expect_plan(make_plan(profile, unified_host(), request), "unified_host.txt");
}

TEST(PlanGolden, Slicer) {
  SlicerRequest request;
  request.uid_base = kBlockBase + 16;
  request.repository_owner = {1001, 1002};
  request.arguments = {"carrel-slicer", "--ref", "HEAD"};
  expect_plan(make_slicer_plan(hybrid_host(), request), "slicer.txt");
}

TEST(PlanGolden, WhatAHostLacksIsListedWithWhatMendsIt) {
  HostFacts facts = hybrid_host();
  facts.cgroup = {};
  facts.sensor = {SensorBackEnd::kNone, "bpf: EPERM (Operation not permitted)"};
  facts.storage = {StorageKind::kFolder, "/dev/loop-control cannot be opened"};
  facts.user_namespaces = false;
  facts.new_mount_api = false;
  facts.devices = {"null", "zero"};
  model::Profile profile = sample_profile();
  profile.session.assurance = model::AssuranceLevel::kFull;
  const auto plan = make_plan(profile, facts, sample_request());
  ASSERT_FALSE(plan.ok());
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/plan/missing.txt",
                       plan.error().what + "\n");
}

TEST(PlanGolden, SeccompTables) {
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/plan/seccomp_contractor.txt",
                       print_table(contractor_table()));
  tests::expect_golden(CARREL_SOURCE_DIR, "tests/golden/plan/seccomp_slicer.txt",
                       print_table(slicer_table()));
}

}  // namespace
}  // namespace carrel::plan
