#pragma once
// Loads the sensor's BPF programs and gives each session a ring and counters of its own. Privileged
// (root in the first user namespace); what comes out of the ring is read by launcher/watch/sensor,
// which needs no privilege. bpf(2).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::trace {

/// A system call number and the errno (positive) by which the seccomp table refuses it.
struct RefusedCall {
  uint32_t number = 0;
  int error = 0;
};

struct TracerOptions {
  /// The cgroup folder (v2) below which every session's cgroup is made: its id (inode number of the
  /// folder, or name_to_handle_at(2)) and its depth (the root of the tree is 0). A session's cgroup
  /// is one level below; cgroups nested in it belong to it.
  uint64_t folder_id = 0;
  uint32_t folder_level = 1;
  /// Refusals that become records, at most two errnos for a number. A call that ends in that errno
  /// is reported with its arguments; whether the table or the kernel answered is the reader's
  /// question.
  std::vector<RefusedCall> refused;
  uint32_t ring_bytes = 2U << 20;  // a power of two, whole pages
  bool closes = true;              // closes of written files: costs a second program per call
  /// The same folder, for the hooks of connections (see why_no_flows()); "": they are only loaded.
  std::string folder = {};
};

/// What a session's reader is given. The counters' map is frozen: it can only be mapped to read.
struct SessionSensor {
  UniqueFd ring_fd;
  UniqueFd counters_fd;
  uint32_t slot = 0;
  uint32_t ring_bytes = 0;
};

class Tracer {
 public:
  static constexpr uint32_t kMaxSessions = 1024;

  /// Loads and verifies the programs; nothing runs yet. The Error says in words which ability of
  /// the kernel is missing.
  static Result<std::unique_ptr<Tracer>> load(const TracerOptions& options);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer();

  /// Attaches all programs, with the first session; while attached every system call of the host
  /// costs some tens of nanoseconds more. All or nothing. A second call does nothing.
  Status attach();
  /// Detaches, after the last session. Programs stay loaded.
  void detach();
  [[nodiscard]] bool attached() const;

  /// Takes a free slot and makes its maps. Nothing is recorded before arm().
  Result<SessionSensor> open_session(uint64_t cgroup_id);
  /// From here on every record of the cgroup goes to the ring.
  Status arm(uint32_t slot);
  /// From here on (once armed) connections to internet addresses that tasks of this cgroup make are
  /// records of the session with the channel's number, which is not 0; nothing else of them is. The
  /// cgroup is one of its own beside the session's, in the same folder. Like arm() and
  /// remove_channel() also for a process forked from the one that opened the session: what it
  /// changes is the kernel's.
  Status add_channel(uint32_t slot, uint64_t cgroup_id, uint32_t channel);
  /// Nothing of that cgroup is recorded any more. An Error where it is no channel's (any more).
  Status remove_channel(uint64_t cgroup_id);
  /// Stops recording, also of channels that are left, whoever added them; the maps live until the
  /// last descriptor of them is closed.
  Status close_session(uint32_t slot);

  /// Why it is not told which process connects a socket (CARREL_FLOW): the kernel takes no such
  /// programs, or the folder is none of its control groups. "" where it is told.
  [[nodiscard]] const std::string& why_no_flows() const;
  /// "direct" (typed kernel reads, 6.2 and later) or "probe".
  [[nodiscard]] const char* variant() const;
  /// Times that a program was skipped because it was already active on its CPU, since load. Counts
  /// as loss for every session that was open.
  [[nodiscard]] uint64_t missed_runs() const;

 private:
  struct State;
  static void try_hooks(State& state, const std::string& folder);
  explicit Tracer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carrel::trace
