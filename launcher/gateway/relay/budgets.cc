#include "launcher/gateway/relay/budgets.h"

#include <algorithm>

namespace carrel::gateway {

const char* to_word(Way way) {
  return way == Way::kUp ? "up" : "down";
}

uint64_t Allowance::take(uint64_t wanted) {
  const uint64_t left = limit_ ? *limit_ - std::min(*limit_, used_) : UINT64_MAX - used_;
  const uint64_t granted = std::min(wanted, left);
  used_ += granted;
  return granted;
}

bool Allowance::is_near() const {
  return limit_ && *limit_ != 0 && used_ >= *limit_ - *limit_ / 5;
}

bool Allowance::near() {
  if (said_near_ || !is_near()) return false;
  return said_near_ = true;
}

bool Allowance::spent() {
  if (said_spent_) return false;
  return said_spent_ = true;
}

Allowance& Budgets::of(const model::Network& network, Way way) {
  auto& all = way == Way::kUp ? up_ : down_;
  const auto found = all.find(network.host);
  if (found != all.end()) return found->second;
  const auto limit = way == Way::kUp ? network.budget.up : network.budget.down;
  if (!counter_) return all.try_emplace(network.host, limit).first->second;
  uint64_t* used = counter_(network.host, way);
  if (used == nullptr) return all.try_emplace(network.host, 0).first->second;
  return all.try_emplace(network.host, limit, *used).first->second;
}

}  // namespace carrel::gateway
