#include "launcher/box/plan/plan.h"

#include <algorithm>

#include "launcher/box/plan/frame.h"
#include "launcher/box/plan/landlock.h"
#include "launcher/box/plan/trust.h"
#include "launcher/box/plan/view.h"
#include "profiles/base/text.h"

namespace carrel::plan {
namespace {

constexpr size_t kMaxArguments = 4096;
constexpr size_t kMaxArgumentBytes = 1 << 20;

bool is_plain(std::string_view value, std::string_view also) {
  return !value.empty() && value.size() <= 64 &&
         std::all_of(value.begin(), value.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  also.find(c) != std::string_view::npos;
         });
}

// The caller's value of an allowed name, if its shape is: a TERM with a slash would name a file.
std::string passed(const PlanRequest& request, std::string_view name, std::string_view also,
                   std::string_view otherwise) {
  for (const auto& [given, value] : request.environment) {
    if (given == name && is_plain(value, also)) return value;
  }
  return std::string(otherwise);
}

std::vector<std::string> make_environment(const PlanRequest& request) {
  std::vector<std::string> list = {
      "HOME=/home/contractor",
      "LANG=" + passed(request, "LANG", "_.@-", "C.UTF-8"),
      "LOGNAME=contractor",
      "PATH=/run/carrel/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "SHELL=/bin/bash",
      "TERM=" + passed(request, "TERM", "+._-", "dumb"),
      "USER=contractor",
  };
  std::sort(list.begin(), list.end());
  return list;
}

Status check_command(const std::vector<std::string>& command) {
  if (command.size() > kMaxArguments) return Error{"the command has more than 4096 arguments"};
  size_t bytes = 0;
  for (const std::string& argument : command) {
    if (argument.find('\0') != std::string::npos) return Error{"the command has a NUL byte"};
    bytes += argument.size() + 1;
  }
  if (bytes > kMaxArgumentBytes) return Error{"the command is longer than 1 MiB"};
  if (!command.empty() && command[0].empty()) return Error{"the command's name is empty"};
  return Done{};
}

// Each repository of the profile exactly once, in the profile's order.
Result<std::vector<const RepositoryView*>> match(const model::Profile& profile,
                                                 const PlanRequest& request) {
  std::vector<const RepositoryView*> list;
  for (const model::Repository& wanted : profile.repositories) {
    const auto at =
        std::find_if(request.repositories.begin(), request.repositories.end(),
                     [&](const RepositoryView& view) { return view.name == wanted.name; });
    if (at == request.repositories.end()) {
      return Error{"no working tree for repository " + quoted(wanted.name)};
    }
    list.push_back(&*at);
  }
  if (list.size() != request.repositories.size()) {
    return Error{"a working tree for a repository that the profile does not name"};
  }
  return list;
}

MountStep source_step(SandboxPath target, size_t source, Access access) {
  MountStep step;
  step.kind = MountKind::kSource;
  step.target = std::move(target);
  step.source = source;
  step.access = access;
  step.idmapped = true;
  return step;
}

// The read-only entries lie over the working tree, so the tree comes first and already has an empty
// folder or file at each of their places.
Status add_repository(const RepositoryView& view, StorageKind storage, SandboxPlan& plan) {
  const std::string root = "/workspaces/" + view.name;
  ASSIGN_OR_RETURN(SandboxPath tree, SandboxPath::parse(root));
  plan.sources.push_back({SourceKind::kTree, view.name, 0});
  plan.mounts.push_back(source_step(tree, plan.sources.size() - 1, Access::kReadWrite));
  // An overlay shows the payload its layers' ids already, and cannot be mapped itself.
  plan.mounts.back().idmapped = storage == StorageKind::kFolder;
  for (size_t i = 0; i < view.read_only.size(); ++i) {
    const ReadOnlyEntry& entry = view.read_only[i];
    ASSIGN_OR_RETURN(SandboxPath target, SandboxPath::parse(root + "/" + entry.path.text()));
    plan.sources.push_back({SourceKind::kEntry, view.name, i});
    MountStep step = source_step(std::move(target), plan.sources.size() - 1, Access::kReadOnly);
    step.type = entry.type;
    step.make_target = false;
    plan.mounts.push_back(std::move(step));
  }
  return Done{};
}

void add_credentials(SandboxPlan& plan) {
  plan.sources.push_back({SourceKind::kCredentials, "", 0});
  MountStep step =
      source_step(inside("/run/carrel/credentials"), plan.sources.size() - 1, Access::kReadOnly);
  step.idmapped = false;  // carrel-session writes them; the payload only reads
  step.exec = Exec::kForbidden;
  plan.mounts.push_back(std::move(step));
}

/// The host's own `carrel`, if it has one in /usr, is another program: this one comes first in
/// PATH.
void add_inside(SandboxPlan& plan) {
  plan.sources.push_back({SourceKind::kInside, "", 0});
  MountStep folder =
      source_step(inside("/run/carrel/inside"), plan.sources.size() - 1, Access::kReadOnly);
  folder.idmapped = false;  // the session's own; whoever is inside may connect
  folder.exec = Exec::kForbidden;
  plan.mounts.push_back(std::move(folder));
  plan.sources.push_back({SourceKind::kInsideProgram, "", 0});
  MountStep program =
      source_step(inside("/run/carrel/bin/carrel"), plan.sources.size() - 1, Access::kReadOnly);
  program.idmapped = false;
  program.type = TargetType::kFile;
  plan.mounts.push_back(std::move(program));
}

/// The files of trust.h, and the system's own covered by them.
void add_trust(const PlanRequest& request, SandboxPlan& plan) {
  const auto add = [&plan](SourceKind kind, std::string_view target, TargetType type) {
    plan.sources.push_back({kind, "", 0});
    MountStep step = source_step(inside(target), plan.sources.size() - 1, Access::kReadOnly);
    step.idmapped = false;
    step.exec = Exec::kForbidden;
    step.type = type;
    step.make_target = type == TargetType::kFolder;
    plan.mounts.push_back(std::move(step));
  };
  add(SourceKind::kTrust, kTrustFolder, TargetType::kFolder);
  for (const std::string& place : request.trust_places) {
    const bool java = place.ends_with("cacerts");
    add(java ? SourceKind::kTrustJavaStore : SourceKind::kTrustBundle, place, TargetType::kFile);
  }
}

std::vector<SandboxPath> writable_paths(const std::vector<MountStep>& mounts) {
  std::vector<SandboxPath> list;
  for (const MountStep& step : mounts) {
    const bool kept = step.kind == MountKind::kTmpfs || step.kind == MountKind::kSource;
    if (kept && step.access == Access::kReadWrite) list.push_back(step.target);
  }
  return list;
}

void add_view(const model::Profile& profile, const HostFacts& facts, const PlanRequest& request,
              const Limits& limits, SandboxPlan& plan) {
  add_root(plan.mounts);
  add_system(facts, plan.mounts);
  add_etc(facts, request, profile.networks.empty() ? Names::kOwn : Names::kOfGateway, plan.mounts);
  add_proc(plan.mounts);
  add_dev(Terminals::kPrivate, limits.tmpfs_bytes, plan.mounts);
  add_tmpfs("/tmp", limits.tmpfs_bytes, limits.tmpfs_bytes / kBytesAFile, 01777, Owner::kInit,
            Exec::kAllowed, plan.mounts);
  add_folder("/var", plan.mounts);
  add_link("/var/tmp", "/tmp", plan.mounts);
  plan.sources.push_back({SourceKind::kHome, "", 0});
  plan.mounts.push_back(
      source_step(inside("/home/contractor"), plan.sources.size() - 1, Access::kReadWrite));
  add_folder("/run", plan.mounts);
  if (!profile.credentials.empty()) add_credentials(plan);
  if (inspects(profile)) add_trust(request, plan);
  add_inside(plan);
}

}  // namespace

Result<SandboxPlan> make_plan(const model::Profile& profile, const HostFacts& facts,
                              const PlanRequest& request) {
  RETURN_IF_ERROR(check_host(profile, facts));
  RETURN_IF_ERROR(check_command(request.command));
  ASSIGN_OR_RETURN(std::vector<const RepositoryView*> views, match(profile, request));
  const Limits& limits = profile.limits;
  ASSIGN_OR_RETURN(SandboxPlan plan, make_frame(facts, limits, request.uid_base));
  add_view(profile, facts, request, limits, plan);
  for (const RepositoryView* view : views)
    RETURN_IF_ERROR(add_repository(*view, facts.storage.kind, plan));
  plan.environment = make_environment(request);
  if (inspects(profile)) {
    const std::string folder = std::string(kTrustFolder) + "/";
    for (auto& [name, value] : trust_environment(folder + std::string(kBundleName),
                                                 folder + std::string(kAuthorityName))) {
      plan.environment.push_back(name + "=" + value);
    }
    std::sort(plan.environment.begin(), plan.environment.end());
  }
  plan.landlock = make_landlock(facts.landlock_abi, writable_paths(plan.mounts), true);
  plan.seccomp = SeccompProgram::kContractor;
  plan.program = Program::kPath;
  plan.command = request.command.empty() ? std::vector<std::string>{"/bin/bash"} : request.command;
  plan.directory =
      inside(views.empty() ? "/home/contractor" : "/workspaces/" + views.front()->name);
  plan.terminal = request.terminal;
  plan.guarantees = guarantees(facts, &profile);
  if (facts.sensor.back_end == SensorBackEnd::kNotify) plan.watched = Watched::kByListener;
  if (!facts.root) without_idmaps(plan);
  return plan;
}

}  // namespace carrel::plan
