#pragma once
// How the numbers of an anomaly are told, for people. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace carrel::gateway::anomaly {

inline constexpr uint64_t kSecondNs = 1'000'000'000;
inline constexpr uint64_t kMinuteNs = 60 * kSecondNs;
inline constexpr uint64_t kTenMinutesNs = 10 * kMinuteNs;

/// What was noticed: a word of events::NetAnomaly's `what`, and the numbers behind it.
struct Flag {
  std::string_view what;
  std::string detail;
};

/// 0 where time went backwards.
inline uint64_t since(uint64_t now_ns, uint64_t then_ns) {
  return now_ns > then_ns ? now_ns - then_ns : 0;
}

/// "4.8": one decimal.
std::string decimal(double number);
/// "812 bytes", "1.2 KiB", "5.0 MiB".
std::string amount(double bytes);
/// "12.0 s".
std::string seconds(double ns);
/// The text itself or its beginning: it is somebody else's and may be long.
std::string clipped(std::string_view text);

}  // namespace carrel::gateway::anomaly
