#pragma once
// The workspace's files as its payload sees them, looked at from outside: names are resolved
// beneath the payload's root (openat2(2), RESOLVE_IN_ROOT), and nothing is ever opened for more
// than its name (O_PATH), so that no device, pipe or socket notices.

#include <string>

#include "launcher/watch/notify/outcome.h"
#include "profiles/base/unique_fd.h"

namespace carrel::notify {

class View {
 public:
  /// `root`: a folder descriptor of the payload's root. All processes of a workspace share it:
  /// their filter refuses chroot(2), mounts and namespaces.
  explicit View(UniqueFd root) : root_(std::move(root)) {}

  enum class Last { kFollow, kAsItIs };
  /// Looks `path` (absolute as inside, not folded) up. `parent` asks for its folder too.
  [[nodiscard]] Seen look(const std::string& path, Last last, bool parent) const;

 private:
  UniqueFd root_;
};

}  // namespace carrel::notify
