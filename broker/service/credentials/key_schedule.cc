#include "broker/service/credentials/key_schedule.h"

#include "broker/service/credentials/issuer.h"

namespace carrel::credentials {

KeyPlan plan_keys(std::span<const uint64_t> made, uint64_t now_s) {
  KeyPlan plan;
  // A clock that went back makes no key older.
  plan.make_new = made.empty() || (now_s > made.back() && now_s - made.back() > kKeyLifeS);
  for (size_t i = 0; i + 1 < made.size(); ++i) {
    const uint64_t stopped = made[i + 1] + kCachePeriodS;
    if (now_s >= stopped + kLongestLifeS + kCachePeriodS) plan.gone.push_back(i);
  }
  return plan;
}

size_t signing_key(std::span<const uint64_t> made, uint64_t now_s) {
  size_t signs = 0;
  for (size_t i = 1; i < made.size(); ++i) {
    if (now_s >= made[i] + kCachePeriodS) signs = i;
  }
  return signs;
}

}  // namespace carrel::credentials
