#pragma once
// The workspace as something that is ended and proved empty. With a control group: through three
// descriptors (cgroups(7), "cgroup.kill", "cgroup.freeze" and "cgroup.events"). Without one:
// carrel-init ends when its control socket closes, the kernel ends every process of its pid
// namespace with it, and says that init has ended only after the last of them has
// (pid_namespaces(7)).

#include <string_view>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class CgroupPort {
 public:
  /// All invalid: there is no control group. `freeze` may be none.
  CgroupPort(UniqueFd events, UniqueFd kill, UniqueFd freeze = UniqueFd())
      : events_(std::move(events)), kill_(std::move(kill)), freeze_(std::move(freeze)) {}

  /// Ended by closing init's socket, which is the caller's to do.
  [[nodiscard]] bool ends_by_init() const { return !events_.valid() && !kill_.valid(); }
  /// Init as the launcher started it.
  void use_init(UniqueFd pidfd) { init_ = std::move(pidfd); }
  [[nodiscard]] bool knows_init() const { return init_.valid(); }

  /// SIGKILL to every process in it, also to those that are being forked. With a control group.
  Status kill() const;
  [[nodiscard]] bool can_freeze() const { return freeze_.valid(); }
  /// Stops every process in it, or lets them go on. Asks only: frozen() says when it is so.
  Status freeze(bool stop) const;
  /// True only where the kernel says that everything in it stands still.
  [[nodiscard]] bool frozen() const;
  /// False only where the kernel says so, or where no process was ever started: what cannot be read
  /// counts as populated.
  [[nodiscard]] bool populated() const;
  /// Shows events() when populated() may have changed; -1: nothing to wait for.
  [[nodiscard]] int events_fd() const;
  [[nodiscard]] short events() const;

 private:
  [[nodiscard]] bool says(std::string_view line) const;
  UniqueFd events_, kill_, freeze_, init_;
};

}  // namespace carrel::session
