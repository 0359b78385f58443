#pragma once
// What the launcher hands a session: values and descriptors, taken apart and checked.

#include <optional>
#include <string>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/limit_files.h"
#include "launcher/watch/tree/touched.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"

namespace carrel::session {

/// One repository's working tree, as it is compared at the end.
struct RepositoryInput {
  std::string name;
  UniqueFd tree, upper;                // as handed over
  UniqueFd manifest, pristine, slice;  // of the slicer's output: its files as they were
  /// Where the tree is an overlay; where it is a plain folder, `upper` is the tree itself.
  [[nodiscard]] std::optional<tree::Layers> layers() const;
};

struct SessionInput {
  protocol::SessionConfig config;
  UniqueFd client, broker, init, ring, counters, cgroup_events, cgroup_kill, cgroup_freeze,
      credentials, gate;
  UniqueFd stdin_fd, stdout_fd, stderr_fd;  // only without a tty
  std::vector<RepositoryInput> repositories;
  std::vector<LimitFile> limit_files;
  std::vector<UniqueFd> volumes;  // as config.volumes()
  UniqueFd gateway;               // the channel to it, where the workspace has a way out
  UniqueFd inside;                // only with config.asker_uid()
};

/// Takes a kSessionConfig frame apart. The number of descriptors must be exactly what the values
/// call for, and each of the kind that its place calls for.
Result<SessionInput> take_config(protocol::Message message);

/// The profile in the configuration, whose digest must be the one that was announced and whose
/// repositories must be the configuration's.
Result<model::Profile> profile_of(const protocol::SessionConfig& config);

/// Event 0: binds profile, task, host, assurance and every rule that can decide something.
events::RecorderOpen first_event(const protocol::SessionConfig& config,
                                 const model::Profile& profile);

/// The agreement that the person has accepted; nothing where the task has none.
std::optional<events::PolicyAgreed> agreement_event(const protocol::SessionConfig& config);

}  // namespace carrel::session
