#include "launcher/cli/profile/host.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "launcher/box/plan/seccomp_table.h"
#include "launcher/box/probe/manager.h"
#include "launcher/box/probe/probe.h"
#include "launcher/box/trace/tracer.h"
#include "profiles/base/text.h"

namespace carrel::profile {
namespace {

/// The options a launcher would use, but for the place of its control group: the verifier does not
/// look at that.
trace::TracerOptions trial_options(const plan::CgroupFacts& cgroup) {
  trace::TracerOptions options;
  struct stat folder {};
  if (stat(cgroup.unified.c_str(), &folder) == 0) options.folder_id = folder.st_ino;
  for (const plan::ReportedCall& call : plan::reported_numbers(plan::contractor_table()))
    options.refused.push_back({call.number, call.error});
  return options;
}

plan::SensorFacts try_sensor(const plan::HostFacts& facts) {
  if (!facts.root) return plan::sensor_of_ordinary_user(facts);
  const auto tracer = trace::Tracer::load(trial_options(facts.cgroup));
  if (!tracer.ok()) return {plan::SensorBackEnd::kNone, to_string(tracer.error())};
  return {plan::SensorBackEnd::kSyscall, "the vfs back end is not built yet",
          tracer.value()->why_no_flows()};
}

}  // namespace

plan::HostFacts this_host(int state_fd) {
  const bool delegated = geteuid() != 0 && probe::manager_delegates();
  plan::HostFacts facts = probe::probe_host(state_fd, delegated);
  facts.sensor = try_sensor(facts);
  return facts;
}

std::vector<plan::RepositoryView> expected_views(const model::Profile& profile) {
  std::vector<plan::RepositoryView> views;
  for (const model::Repository& repository : profile.repositories) {
    plan::RepositoryView view{repository.name, {}};
    for (const model::PathEntry& entry : repository.read) {
      const bool writable_below = std::any_of(repository.write.begin(), repository.write.end(),
                                              [&entry](const model::PathEntry& write) {
                                                return write.path.is_at_or_below(entry.path);
                                              });
      if (!writable_below) view.read_only.push_back({entry.path, plan::TargetType::kFolder});
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::string plan_text(const model::Profile& profile, const plan::HostFacts& facts) {
  plan::PlanRequest request;
  if (facts.root) request.uid_base = plan::kBlockBase + 8;
  request.repositories = expected_views(profile);
  const auto made = plan::make_plan(profile, facts, request);
  if (!made.ok()) return "on this host it cannot be opened: " + quoted(made.error().what) + "\n";
  return "what would be built on this host (read entries that are files are shown as folders):\n" +
         plan::print_plan(made.value());
}

}  // namespace carrel::profile
