#pragma once
// How values of a profile are written: the words of its closed choices, in the order of their
// enumerators, and durations.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/model/profile.h"

namespace carrel::model {

inline constexpr std::array<std::string_view, 4> kUseWords = {"evaluation", "testing",
                                                              "integration", "development"};
inline constexpr std::array<std::string_view, 2> kAssuranceWords = {"full", "best"};
inline constexpr std::array<std::string_view, 1> kStartAfterWords = {"recorded"};
inline constexpr std::array<std::string_view, 1> kKeystrokesWords = {"off"};
inline constexpr std::array<std::string_view, 1> kOnRecordFailureWords = {"end"};
inline constexpr std::array<std::string_view, 1> kHistoryWords = {"none"};
inline constexpr std::array<std::string_view, 1> kCredentialKindWords = {"jwt"};
inline constexpr std::array<std::string_view, 1> kToolchainRootWords = {"host"};

/// The word of an enumerator.
template <typename Enum, size_t N>
constexpr std::string_view word_of(const std::array<std::string_view, N>& words, Enum value) {
  return words.at(static_cast<size_t>(value));
}

/// The largest unit that divides the seconds: 120 is "2m", 90 is "90s", 0 is "0s".
inline std::string to_duration_text(uint64_t seconds) {
  if (seconds != 0 && seconds % 86400 == 0) return std::to_string(seconds / 86400) + "d";
  if (seconds != 0 && seconds % 3600 == 0) return std::to_string(seconds / 3600) + "h";
  if (seconds != 0 && seconds % 60 == 0) return std::to_string(seconds / 60) + "m";
  return std::to_string(seconds) + "s";
}

}  // namespace carrel::model
