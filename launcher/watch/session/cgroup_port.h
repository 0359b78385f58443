#pragma once
// The workspace's cgroup through two descriptors: end everything in it, and see that it is empty
// (cgroups(7), "cgroup.kill" and "cgroup.events").

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class CgroupPort {
 public:
  CgroupPort(UniqueFd events, UniqueFd kill) : events_(std::move(events)), kill_(std::move(kill)) {}

  /// SIGKILL to every process in it, also to those that are being forked.
  Status kill() const;
  /// False only where the kernel says so: what cannot be read counts as populated.
  [[nodiscard]] bool populated() const;
  /// Shows POLLPRI when populated() may have changed.
  [[nodiscard]] int events_fd() const { return events_.get(); }

 private:
  UniqueFd events_, kill_;
};

}  // namespace carrel::session
