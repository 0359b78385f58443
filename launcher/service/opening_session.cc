#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "broker/record/evidence/sha256.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/service/opener.h"
#include "profiles/base/text.h"

namespace carrel::service {

using kernel::Tree;
using protocol::Type;

namespace {

uint64_t shorter_of(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return a + b;
  return std::min(a, b);
}

}  // namespace

protocol::SessionConfig Opener::session_config() const {
  protocol::SessionConfig config;
  *config.mutable_spec() = opening_.spec;
  config.set_host(host_name());
  config.set_mode(mode());
  config.set_sensor(sensor());
  config.set_asked(opening_.profile.session.assurance == model::AssuranceLevel::kFull ? "full"
                                                                                      : "best");
  for (const plan::Guarantee& guarantee : plan_.guarantees) {
    protocol::AssuranceItem* item = config.add_assurance();
    item->set_id(std::string(plan::to_string(guarantee.id)));
    item->set_given(guarantee.given);
    item->set_why(guarantee.why);
  }
  config.set_columns(opening_.request.columns());
  config.set_rows(opening_.request.rows());
  for (const SlicedRepository& slice : slices_)
    config.add_repositories()->set_name(slice.name);
  config.set_profile_sha256(
      std::string(evidence::as_view(evidence::sha256(opening_.spec.canonical()))));
  config.set_ring_bytes(opening_.sensor.ring_bytes);
  for (const std::string& warning : warnings_)
    config.add_warnings(warning);
  config.set_no_cgroup(opening_.cgroup == nullptr);
  config.set_can_freeze(opening_.cgroup != nullptr);
  config.set_gateway(way_out_.has_value());
  add_times(config);
  add_limits(config);
  config.set_asker_uid(plan_.uids.payload_host());
  config.set_max_duration_s(
      shorter_of(opening_.profile.session.max_duration_s, opening_.request.timeout_s()));
  return config;
}

Status Opener::start_recorder() {
  UniqueFd events;
  UniqueFd kill;
  UniqueFd freeze;
  if (opening_.cgroup != nullptr) {
    ASSIGN_OR_RETURN(events, opening_.cgroup->open_control("cgroup.events", O_RDONLY));
    ASSIGN_OR_RETURN(kill, opening_.cgroup->open_control("cgroup.kill", O_WRONLY));
    ASSIGN_OR_RETURN(freeze, opening_.cgroup->open_control("cgroup.freeze", O_WRONLY));
  }
  ASSIGN_OR_RETURN(Recorder recorder, Recorder::start(tools_.programs.folder + "/carrel-session",
                                                      plan_.uids.recorder_host()));
  recorder_.emplace(std::move(recorder));
  std::vector<int> fds = {
      opening_.stream.get(), broker_channel_.get(), session_control_.get(),
      notifies() ? notifier_->records_fd() : opening_.sensor.ring_fd.get(),
      notifies() ? notifier_->counters_fd() : opening_.sensor.counters_fd.get()};
  if (opening_.cgroup != nullptr) fds.insert(fds.end(), {events.get(), kill.get(), freeze.get()});
  fds.insert(fds.end(), {credentials_folder_.get(), gate_write_.get()});
  if (!opening_.spec.tty()) {
    for (const UniqueFd& end : pipes_.outside)
      fds.push_back(end.get());
  }
  for (const SessionTree& tree : trees_)
    fds.insert(fds.end(), {tree.tree.get(), tree.upper.get(), tree.slice.get()});
  for (const auto& [name, file] : limits_.files)
    fds.push_back(file.get());
  for (const auto& [volume, folder] : limits_.volumes)
    fds.push_back(folder.get());
  fds.push_back(inside_listener_.get());
  UniqueFd gateway;
  if (way_out_.has_value()) {
    gateway = way_out_->take_session_channel();
    fds.push_back(gateway.get());
  }
  RETURN_IF_ERROR(recorder_->configure(session_config(), fds));
  // What the session holds now must end with the session.
  opening_.stream.reset();
  broker_channel_.reset();
  session_control_.reset();
  gate_write_.reset();
  trees_.clear();
  if (notifier_.has_value()) notifier_->let_go_of_records();
  limits_ = {};
  inside_listener_.reset();
  for (UniqueFd& end : pipes_.outside)
    end.reset();
  return Done{};
}

Status Opener::start_box() {
  UniqueFd map;
  if (tools_.facts.root) {
    ASSIGN_OR_RETURN(map, kernel::make_id_map({plan::kOnDiskOwner, plan_.uids.payload_host()}));
  }
  sandbox::Resources resources;
  resources.network_fd = network_fd();
  resources.cgroup = opening_.cgroup;
  ASSIGN_OR_RETURN(resources.sources, open_sources());
  resources.scratch = std::move(scratch_);
  resources.idmap_fd = map.get();
  resources.control_fd = init_control_.get();
  resources.gate_fd = gate_read_.get();
  resources.stdin_fd = pipes_.inside[0].get();
  resources.stdout_fd = pipes_.inside[1].get();
  resources.stderr_fd = pipes_.inside[2].get();
  resources.init_fd = tools_.programs.init.get();
  resources.filters = &tools_.programs.filters;
  if (notifier_.has_value()) resources.sensor_fd = notifier_->listener_fd();
  ASSIGN_OR_RETURN(box_, sandbox::start(plan_, resources));
  if (notifier_.has_value()) notifier_->let_go_of_listener();
  if (opening_.cgroup == nullptr) RETURN_IF_ERROR(recorder_->tell_workspace(box_.pidfd.get()));
  init_control_.reset();
  gate_read_.reset();
  for (UniqueFd& end : pipes_.inside)
    end.reset();
  credentials_.reset();
  credentials_folder_.reset();
  return Done{};
}

protocol::Started Opener::started() const {
  protocol::Started started;
  started.set_session(opening_.spec.session());
  started.set_workspace(opening_.spec.workspace());
  started.set_task(opening_.spec.task());
  started.set_profile(opening_.profile.name);
  started.set_profile_sha256(
      to_hex(evidence::as_view(evidence::sha256(opening_.spec.canonical()))));
  started.set_mode(mode());
  started.set_sensor(sensor());
  started.set_asked(opening_.profile.session.assurance == model::AssuranceLevel::kFull ? "full"
                                                                                       : "best");
  for (const plan::Guarantee& guarantee : plan_.guarantees) {
    if (!guarantee.given) started.add_missing(std::string(plan::to_string(guarantee.id)));
  }
  return started;
}

/// Armed only now, so that set-up is not recorded as the contractor's; then the client hears, then
/// the gate opens.
Status Opener::begin() {
  std::string warning;
  RETURN_IF_ERROR(recorder_->wait_recorded(&finished_, &warning));
  if (is_told_to_end()) return Error{"the launcher is ending", ECANCELED};
  if (!warning.empty()) {
    tools_.log("session.reader session=" + opening_.spec.session() + " why=" + quoted(warning));
  }
  RETURN_IF_ERROR(keep_workspace());
  if (tools_.tracer != nullptr) RETURN_IF_ERROR(tools_.tracer->arm(opening_.sensor.slot));
  opening_.sensor.ring_fd.reset();
  opening_.sensor.counters_fd.reset();
  RETURN_IF_ERROR(protocol::send_message(opening_.client, Type::kStarted, started()));
  make_ssh();
  return recorder_->go();
}

}  // namespace carrel::service
