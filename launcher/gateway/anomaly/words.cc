#include "launcher/gateway/anomaly/words.h"

#include <array>
#include <charconv>

namespace carrel::gateway::anomaly {

std::string decimal(double number) {
  std::array<char, 400> text{};  // of the largest double
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, 1);
  return error == std::errc() ? std::string(text.data(), end) : "?";
}

std::string amount(double bytes) {
  constexpr double kStep = 1024;
  if (bytes < kStep) return std::to_string(static_cast<uint64_t>(bytes < 0 ? 0 : bytes)) + " bytes";
  const char* unit = " KiB";
  bytes /= kStep;
  for (const char* larger : {" MiB", " GiB", " TiB"}) {
    if (bytes < kStep) break;
    bytes /= kStep;
    unit = larger;
  }
  return decimal(bytes) + unit;
}

std::string seconds(double ns) {
  return decimal(ns / static_cast<double>(kSecondNs)) + " s";
}

std::string clipped(std::string_view text) {
  constexpr size_t kMost = 100;
  return std::string(text.substr(0, kMost)) + (text.size() > kMost ? "..." : "");
}

}  // namespace carrel::gateway::anomaly
