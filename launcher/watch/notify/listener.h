#pragma once
// The listener of a seccomp filter (seccomp_unotify(2)): one call at a time is received and
// answered.

#include <linux/seccomp.h>

#include <optional>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::notify {

class Listener {
 public:
  /// Lets the kernel hand over the processor with the question, where it can (Linux 6.6).
  explicit Listener(UniqueFd fd);

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next call. Nothing when its caller has died meanwhile. After poll(2) said POLLIN.
  Result<std::optional<seccomp_notif>> receive();
  /// Whether the caller still waits: only then was what was read about it about it.
  [[nodiscard]] bool waits(uint64_t id) const;
  /// Lets the kernel carry the call out. What has died needs no answer.
  Status let_through(uint64_t id);
  /// The call fails with this errno.
  Status refuse(uint64_t id, int error);

 private:
  Status answer(const seccomp_notif_resp& response);
  UniqueFd fd_;
};

}  // namespace carrel::notify
