#include "launcher/gateway/relay/budgets.h"

#include <algorithm>

namespace carrel::gateway {

const char* to_word(Way way) {
  return way == Way::kUp ? "up" : "down";
}

uint64_t Allowance::take(uint64_t wanted) {
  const uint64_t granted = limit_ ? std::min(wanted, *limit_ - used_) : wanted;
  used_ += granted;
  return granted;
}

bool Allowance::near() {
  if (said_near_ || !limit_ || *limit_ == 0 || used_ < *limit_ - *limit_ / 5) return false;
  return said_near_ = true;
}

bool Allowance::spent() {
  if (said_spent_) return false;
  return said_spent_ = true;
}

Allowance& Budgets::of(const model::Network& network, Way way) {
  auto& all = way == Way::kUp ? up_ : down_;
  const auto limit = way == Way::kUp ? network.budget.up : network.budget.down;
  return all.try_emplace(network.host, limit).first->second;
}

}  // namespace carrel::gateway
