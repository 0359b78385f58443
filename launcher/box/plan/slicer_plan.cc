// The internal workspace of carrel-slicer: it sees one repository and one folder, and talks to
// nobody.

#include "launcher/box/plan/frame.h"
#include "launcher/box/plan/landlock.h"
#include "launcher/box/plan/view.h"

namespace carrel::plan {
namespace {

void add_source(SourceKind kind, std::string_view target, Access access, SandboxPlan& plan) {
  plan.sources.push_back({kind, "", 0});
  MountStep step;
  step.kind = MountKind::kSource;
  step.target = inside(target);
  step.source = plan.sources.size() - 1;
  step.access = access;
  step.exec = Exec::kForbidden;
  plan.mounts.push_back(std::move(step));
}

}  // namespace

Result<SandboxPlan> make_slicer_plan(const HostFacts& facts, const SlicerRequest& request) {
  RETURN_IF_ERROR(check_host(facts));
  if (request.arguments.empty()) return Error{"the slicer was given no arguments"};
  ASSIGN_OR_RETURN(SandboxPlan plan, make_frame(facts, default_limits(), request.uid_base));
  add_root(plan.mounts);
  add_system(facts, plan.mounts);
  add_proc(plan.mounts);
  add_dev(Terminals::kNone, 0, plan.mounts);
  add_loader_cache(facts, plan.mounts);
  add_tmpfs("/tmp", uint64_t{64} << 20, 4096, 01777, Owner::kInit, Exec::kForbidden, plan.mounts);
  add_source(SourceKind::kRepository, "/repository", Access::kReadOnly, plan);
  if (request.repository_owner) {
    MountStep& repository = plan.mounts.back();
    repository.idmapped = true;
    repository.disk_owner = request.repository_owner->first;
    repository.disk_group = request.repository_owner->second;
  }
  std::vector<SandboxPath> writable = {inside("/tmp")};
  if (request.has_output) {
    add_source(SourceKind::kOutput, "/output", Access::kReadWrite, plan);
    plan.mounts.back().idmapped = request.output_idmapped;
    writable.insert(writable.begin(), inside("/output"));
  }
  plan.environment = {"HOME=/nonexistent", "LANG=C.UTF-8", "PATH=/usr/bin:/bin"};
  plan.landlock = make_landlock(facts.landlock_abi, writable, false);
  plan.seccomp = SeccompProgram::kSlicer;
  plan.program = Program::kDescriptor;
  plan.command = request.arguments;
  plan.directory = writable.front();
  plan.terminal = Terminal::kPipes;
  plan.guarantees = guarantees(facts, nullptr);
  if (!facts.root) without_idmaps(plan);
  return plan;
}

}  // namespace carrel::plan
