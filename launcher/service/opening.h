#pragma once
// One opening from its confirmed ticket to its end, in a process of its own: steps 7 to 20 of
// interfaces.md 7. What it makes is undone when a later step fails.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/kernel/seccomp_filter.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/box/storage/workspace_disk.h"
#include "launcher/box/trace/tracer.h"
#include "launcher/service/log.h"
#include "launcher/service/porter.h"
#include "launcher/service/state.h"
#include "launcher/service/way_out.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"

namespace carrel::service {

/// The programs that end up inside workspaces, loaded once; and where the others are.
struct Programs {
  std::string folder;
  UniqueFd init;
  UniqueFd slicer;
  UniqueFd inside;   // O_PATH: it is bound, not copied
  UniqueFd channel;  // the same: the forced command of ssh servers
  kernel::SeccompPrograms filters;
};

/// What all openings share; outlives them.
struct OpeningTools {
  const plan::HostFacts& facts;
  const State& state;
  const kernel::CgroupFolder* cgroups;  // null: the host gives this user none
  const Programs& programs;
  const kernel::MountNamespaces& namespaces;
  trace::Tracer* tracer;  // null where the workspace's own listener is the sensor
  const Log& log;
  const Porter& porter;  // of an ordinary user's launcher
  uint64_t host_floor_bytes = 0;
  bool disks_linger = false;   // the server keeps them for a while after a session
  bool opens_sources = false;  // of the task's repositories itself: a service's callers bring none
};

/// One granted request and what the server made ready for it.
struct Opening {
  protocol::SessionSpec spec;
  protocol::LaunchRequest request;
  model::Profile profile;
  protocol::Connection client;
  std::vector<UniqueFd> repositories;  // in the profile's order
  UniqueFd stream;                     // stdio frames, for the session
  std::optional<WayOut> way;           // started before anybody asked; its gateway is of uid_base
  uint32_t uid_base = 0;
  uint32_t slicer_uid_base = 0;
  kernel::CgroupLeaf* cgroup = nullptr;  // null: none
  trace::SessionSensor sensor;           // opened for the cgroup, not armed; empty without a tracer
  std::optional<storage::WorkspaceDisk> disk;  // still mounted since the session before
  protocol::Connection server;  // asked once for the session's broker channel: kSessionStart
};

/// Runs it to its end and tells the client kStarted and kEnded. Blocks; SIGTERM ends the session.
/// Must be the process's only thread, with SIGTERM blocked.
void run_opening(const OpeningTools& tools, Opening& opening);

/// The kEnded of an opening that failed before there was a session.
protocol::Ended setup_failure(int code, const std::string& text);
/// Of one whose person wanted out before the command began.
protocol::Ended ended_by_person();
/// Whoever asked says no more: the person wants out, or has gone.
bool has_left(const protocol::Connection& client);

}  // namespace carrel::service
