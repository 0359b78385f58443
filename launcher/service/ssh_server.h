#pragma once
// The stock sshd of one ssh connection, in a jail of its own beside the workspace: it shares the
// workspace's loopback and nothing else of it. docs/channels.md.

#include <poll.h>

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/box/sandbox/sandbox.h"
#include "launcher/box/trace/tracer.h"
#include "launcher/service/notifier.h"
#include "launcher/service/opening.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// Of the session whose connections these are; all of it outlives them.
struct SshTools {
  const plan::HostFacts& facts;
  const Programs& programs;
  const kernel::CgroupFolder* cgroups;  // null: none, the jail's pid namespace holds it alone
  trace::Tracer* tracer;                // null: the listener of its filter is the sensor
  Notifier* notifier;                   // then this takes it
  int network_fd;                       // the workspace's
  std::string session;
  uint32_t uid_base;
  uint32_t sensor_slot;
  std::vector<uint16_t> ports;  // that may be reached
};

/// What the session gets of one.
struct SshHanded {
  UniqueFd listener;  // where the forced command asks
  UniqueFd log;       // what sshd says, to read
  UniqueFd stream;    // the other end of what it serves
  UniqueFd pidfd;     // its end is the end of all of it
  UniqueFd kill;      // cgroup.kill, to write; invalid without a control group
  uint32_t uid = 0;   // of the forced command, as the session sees it
};

class SshServers {
 public:
  static constexpr size_t kMost = 16;

  explicit SshServers(SshTools tools) : tools_(std::move(tools)) {}
  SshServers(const SshServers&) = delete;
  SshServers& operator=(const SshServers&) = delete;

  /// Starts one. From the moment on when it can read a byte of its stream its connections to the
  /// workspace's ports are recorded. On failure nothing of it is left. One thread.
  Result<SshHanded> start(const protocol::StartSsh& wanted);
  /// What to wait for (POLLIN) before serve().
  [[nodiscard]] std::vector<pollfd> waits() const;
  /// Clears away those that have ended.
  void serve();
  /// Ends all of them, proved empty. What could not be ended is in the Error, and stays.
  Status end_all();

 private:
  struct One {
    uint32_t channel = 0;
    std::unique_ptr<kernel::CgroupLeaf> leaf;
    sandbox::Running box;
    UniqueFd control;  // carrel-init's other end: its close ends the jail
    UniqueFd gate;
    UniqueFd kill_wish;    // without a control group: what the session writes when it is to end
    bool watched = false;  // the tracer knows its control group
    bool stuck = false;    // it could not be ended: once more at the session's end
  };
  Result<SshHanded> start_in(One& one, const protocol::StartSsh& wanted);
  Status watch(One& one, int listener_socket);
  Status wait_ready(const One& one) const;
  static bool is_unwanted(One& one);
  Status end(One& one);
  void keep_stuck(One one);

  SshTools tools_;
  std::list<One> all_;
};

}  // namespace carrel::service
