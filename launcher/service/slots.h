#pragma once
// Host uids of sessions: slots of eight from the block of interfaces.md 6. Pure.

#include <cstdint>
#include <optional>
#include <vector>

namespace carrel::service {

/// Which slots are taken by this launcher. The first eight uids of the block belong to no session.
class Slots {
 public:
  static constexpr uint32_t kSlots = 1024;
  static constexpr uint32_t kUidsPerSlot = 8;

  /// The first uid of a free slot; nothing when all are taken.
  std::optional<uint32_t> take();
  /// Gives it back; unknown numbers are ignored.
  void give_back(uint32_t uid_base);

 private:
  std::vector<bool> taken_ = std::vector<bool>(kSlots, false);
};

}  // namespace carrel::service
