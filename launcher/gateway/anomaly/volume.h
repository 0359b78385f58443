#pragma once
// Bytes of one destination in periods of ten seconds: which of them stand out. Pure.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "launcher/gateway/anomaly/words.h"

namespace carrel::gateway::anomaly {

inline constexpr uint64_t kPeriodNs = 10 * kSecondNs;

/// What is usual: mean and variance in which each period counts nine tenths of the one after it
/// (exponentially weighted, a = 0.1). Before the first period both are 0.
class Usual {
 public:
  void add(double bytes);
  [[nodiscard]] double mean() const { return mean_; }
  [[nodiscard]] double deviation() const;
  /// By how many deviations this is above the mean; 64 KiB are added to the deviation (as the root
  /// of both squares), so that little after silence is nothing.
  [[nodiscard]] double above(double bytes) const;

 private:
  double mean_ = 0, variance_ = 0;
};

/// "burst": three of the last five periods were more than four deviations above what was usual
/// before each. A burst is part of what is usual for the next one, so that one upload after
/// silence, however large, long and even, is none: the uploads must grow, by a third and more.
class Burst {
 public:
  static constexpr double kHigh = 4;
  static constexpr size_t kPeriods = 5, kOfThem = 3;
  std::optional<Flag> add(double bytes, const Usual& before);

 private:
  std::deque<double> above_;
};

/// "drip": what comes above the mean and half a deviation adds up (a cumulative sum, never below
/// 0) to more than eight deviations and 256 KiB. An even upload of 6 KiB/s and more that goes on
/// for a minute or two; a slower one becomes what is usual before.
class Drip {
 public:
  static constexpr double kDeviations = 8;
  static constexpr double kLeast = 256 * 1024;
  std::optional<Flag> add(double bytes, const Usual& before, const Usual& after);

 private:
  double sum_ = 0;
  uint64_t periods_ = 0;
};

/// "ratio": within ten minutes more than 1 MiB up, and twice what came down, where every rule only
/// reads.
class Ratio {
 public:
  static constexpr double kMost = 2;
  static constexpr uint64_t kLeast = uint64_t{1} << 20;
  std::optional<Flag> add(uint64_t up, uint64_t down);

 private:
  struct Period {
    uint64_t up = 0, down = 0;
  };
  std::deque<Period> last_;
};

/// All three of one destination.
class Volume {
 public:
  /// A period has ended. `only_reads`: no rule of it lets a body out.
  std::vector<Flag> close(uint64_t up, uint64_t down, bool only_reads);

 private:
  Usual usual_;
  Burst burst_;
  Drip drip_;
  Ratio ratio_;
};

}  // namespace carrel::gateway::anomaly
