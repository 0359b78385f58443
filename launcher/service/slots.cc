#include "launcher/service/slots.h"

#include <algorithm>

#include "launcher/box/plan/plan.h"

namespace carrel::service {
namespace {

constexpr uint32_t kFirst = plan::kBlockBase + Slots::kUidsPerSlot;

}  // namespace

std::optional<uint32_t> Slots::take() {
  const auto free = std::find(taken_.begin(), taken_.end(), false);
  if (free == taken_.end()) return std::nullopt;
  *free = true;
  return kFirst + static_cast<uint32_t>(free - taken_.begin()) * kUidsPerSlot;
}

void Slots::give_back(uint32_t uid_base) {
  if (uid_base < kFirst) return;
  const uint32_t index = (uid_base - kFirst) / kUidsPerSlot;
  if (index < kSlots) taken_[index] = false;
}

}  // namespace carrel::service
