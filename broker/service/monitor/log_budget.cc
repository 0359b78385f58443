#include "broker/service/monitor/log_budget.h"

#include <utility>

namespace carrel::monitor {
namespace {

constexpr uint64_t kMinuteNs = 60ULL * 1'000'000'000;

}  // namespace

LogBudget::Verdict LogBudget::take(uid_t uid, uint64_t now_ns) {
  // A clock that was set back begins anew.
  const auto is_over = [now_ns](const Minute& minute) {
    return now_ns - minute.began_ns >= kMinuteNs;
  };
  if (minutes_.size() >= kLogCallers) {
    std::erase_if(minutes_, [&is_over](const auto& each) {
      return is_over(each.second) && each.second.left_out == 0;
    });
  }
  const bool known = minutes_.contains(uid) || minutes_.size() < kLogCallers;
  Minute& minute = minutes_[known ? uint64_t{uid} : UINT64_MAX];
  Verdict verdict;
  if (is_over(minute)) {
    verdict.left_out = std::exchange(minute.left_out, 0);
    minute = {now_ns, 0, 0};
  }
  verdict.write = minute.written < kLogLines;
  ++(verdict.write ? minute.written : minute.left_out);
  return verdict;
}

}  // namespace carrel::monitor
