#include "launcher/gateway/anomaly/volume.h"

#include <algorithm>
#include <cmath>

namespace carrel::gateway::anomaly {
namespace {

constexpr double kWeight = 0.1;
constexpr double kFloor = 64 * 1024;

/// Never beyond the largest number: hostile counts are told as that.
uint64_t sum(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

}  // namespace

void Usual::add(double bytes) {
  const double difference = bytes - mean_;
  const double step = kWeight * difference;
  mean_ += step;
  variance_ = (1 - kWeight) * (variance_ + difference * step);
}

double Usual::deviation() const {
  return std::sqrt(variance_);
}

double Usual::above(double bytes) const {
  return (bytes - mean_) / std::sqrt(variance_ + kFloor * kFloor);
}

std::optional<Flag> Burst::add(double bytes, const Usual& before) {
  above_.push_back(before.above(bytes));
  if (above_.size() > kPeriods) above_.pop_front();
  if (above_.back() <= kHigh) return std::nullopt;
  std::string high;
  size_t count = 0;
  for (const double each : above_) {
    if (each <= kHigh) continue;
    high += (count++ == 0 ? "" : ", ") + decimal(each);
  }
  if (count < kOfThem) return std::nullopt;
  above_.clear();
  return Flag{"burst", amount(bytes) + " up in 10 s, where the mean was " + amount(before.mean()) +
                           "; " + std::to_string(count) +
                           " of the last 5 such periods were more than 4 deviations above their "
                           "mean: z " +
                           high};
}

std::optional<Flag> Drip::add(double bytes, const Usual& before, const Usual& after) {
  sum_ = std::max(0.0, sum_ + bytes - before.mean() - before.deviation() / 2);
  periods_ = sum_ > 0 ? periods_ + 1 : 0;
  if (sum_ <= kLeast || sum_ <= kDeviations * after.deviation()) return std::nullopt;
  Flag flag{"drip", amount(sum_) + " up above what was usual, gathered in " +
                        seconds(static_cast<double>(periods_ * kPeriodNs)) + "; " + amount(bytes) +
                        " in the last 10 s, where the mean was " + amount(before.mean()) +
                        " and the deviation " + amount(before.deviation())};
  sum_ = 0;
  periods_ = 0;
  return flag;
}

std::optional<Flag> Ratio::add(uint64_t up, uint64_t down) {
  last_.push_back({up, down});
  if (last_.size() > kTenMinutesNs / kPeriodNs) last_.pop_front();
  Period all;
  for (const Period& each : last_)
    all = {sum(all.up, each.up), sum(all.down, each.down)};
  const double ratio =
      static_cast<double>(all.up) / static_cast<double>(std::max<uint64_t>(all.down, 1));
  if (all.up <= kLeast || ratio <= kMost) return std::nullopt;
  last_.clear();
  return Flag{"ratio", amount(static_cast<double>(all.up)) + " up and " +
                           amount(static_cast<double>(all.down)) +
                           " down within 10 minutes, though every rule of it only reads: " +
                           decimal(ratio) + " times"};
}

std::vector<Flag> Volume::close(uint64_t up, uint64_t down, bool only_reads) {
  const auto bytes = static_cast<double>(up);
  const Usual before = usual_;
  usual_.add(bytes);
  std::vector<Flag> out;
  if (auto flag = burst_.add(bytes, before)) out.push_back(std::move(*flag));
  if (auto flag = drip_.add(bytes, before, usual_)) out.push_back(std::move(*flag));
  if (!only_reads) return out;
  if (auto flag = ratio_.add(up, down)) out.push_back(std::move(*flag));
  return out;
}

}  // namespace carrel::gateway::anomaly
