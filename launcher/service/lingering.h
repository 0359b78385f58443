#pragma once
// Which workspaces' disks stay mounted after their sessions, and for how long. Pure: what a disk
// is, is the caller's; dropping one gives it up.

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carrel::service {

struct LingerRules {
  uint64_t keep_ms = 60'000;  // after a session's end; 0: no disk stays
  size_t most = 8;            // disks at once
};

template <typename Disk>
class Lingering {
 public:
  explicit Lingering(const LingerRules& rules) : rules_(rules) {}

  [[nodiscard]] bool empty() const { return disks_.empty(); }

  /// From now on the disk waits for its workspace's next session; another one of that workspace
  /// goes.
  void add(const std::string& workspace, Disk disk, uint64_t now_ms) {
    (void)take(workspace);
    disks_.push_back({workspace, std::move(disk), now_ms});
  }

  /// The workspace's disk, which lingers no more; nothing where there is none.
  std::optional<Disk> take(const std::string& workspace) {
    for (auto each = disks_.begin(); each != disks_.end(); ++each) {
      if (each->workspace != workspace) continue;
      std::optional<Disk> disk(std::move(each->disk));
      disks_.erase(each);
      return disk;
    }
    return std::nullopt;
  }

  /// Gives up those whose time is over, and the oldest of too many; all where the host has no room.
  /// Answers their workspaces, the oldest first.
  std::vector<std::string> give_up(uint64_t now_ms, bool no_room) {
    std::vector<std::string> gone;
    while (!disks_.empty() && (no_room || disks_.size() > rules_.most ||
                               now_ms - disks_.front().since_ms >= rules_.keep_ms)) {
      gone.push_back(disks_.front().workspace);
      disks_.pop_front();
    }
    return gone;
  }

  void clear() { disks_.clear(); }

 private:
  struct One {
    std::string workspace;
    Disk disk;
    uint64_t since_ms = 0;
  };
  LingerRules rules_;
  std::list<One> disks_;  // the oldest first
};

}  // namespace carrel::service
