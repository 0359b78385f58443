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
inline constexpr std::array<std::string_view, 4> kStartAfterWords = {"recorded", "sealed",
                                                                     "anchored", "witnessed"};
inline constexpr std::array<std::string_view, 3> kKeystrokesWords = {"off", "lengths", "full"};
inline constexpr std::array<std::string_view, 2> kOnRecordFailureWords = {"end", "freeze"};
inline constexpr std::array<std::string_view, 3> kHistoryWords = {"none", "squashed", "filtered"};
inline constexpr std::array<std::string_view, 2> kEnforceWords = {"bind", "gate"};
inline constexpr std::array<std::string_view, 5> kInterfaceWords = {"schema", "vectors", "fixtures",
                                                                    "mock", "acceptance"};
inline constexpr std::array<std::string_view, 4> kNetworkModeWords = {"inspect", "passthrough",
                                                                      "ssh", "tcp"};
/// Of network.http.preset: what git may do with one repository over HTTP.
inline constexpr std::string_view kGitFetch = "git-fetch";
inline constexpr std::string_view kGitPush = "git-push";
inline constexpr std::array<std::string_view, 2> kPresetWords = {kGitFetch, kGitPush};
/// Of credential.inject, beside the name of a header.
inline constexpr std::string_view kBearer = "bearer";
inline constexpr std::string_view kBasic = "basic";
inline constexpr std::array<std::string_view, 5> kCredentialKindWords = {
    "jwt", "header", "ssh-certificate", "x509", "file"};
/// As in the header of a token (RFC 7518, RFC 8037).
inline constexpr std::array<std::string_view, 3> kTokenAlgWords = {"EdDSA", "ES256", "RS256"};
inline constexpr std::array<std::string_view, 2> kCredentialIssueWords = {"start", "request"};
inline constexpr std::array<std::string_view, 7> kDayWords = {"mon", "tue", "wed", "thu",
                                                              "fri", "sat", "sun"};

/// The word of an enumerator.
template <typename Enum, size_t N>
constexpr std::string_view word_of(const std::array<std::string_view, N>& words, Enum value) {
  return words.at(static_cast<size_t>(value));
}

/// The largest unit that divides the seconds: 120 is "2m", 90 is "90s", 0 is "0s", 365 days "1y".
inline std::string to_duration_text(uint64_t seconds) {
  constexpr uint64_t kDay = 86400;
  if (seconds != 0 && seconds % (365 * kDay) == 0)
    return std::to_string(seconds / kDay / 365) + "y";
  if (seconds != 0 && seconds % kDay == 0) return std::to_string(seconds / kDay) + "d";
  if (seconds != 0 && seconds % 3600 == 0) return std::to_string(seconds / 3600) + "h";
  if (seconds != 0 && seconds % 60 == 0) return std::to_string(seconds / 60) + "m";
  return std::to_string(seconds) + "s";
}

/// The largest unit that divides the bytes: 4294967296 is "4GiB", 0 is "0B".
inline std::string to_size_text(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes != 0 && bytes % 1024 == 0 && unit + 1 < kUnits.size(); ++unit)
    bytes /= 1024;
  return std::to_string(bytes) + std::string(kUnits.at(unit));
}

/// Thousandths of a processor as a profile writes them: 2000 is "2", 1250 is "1.25".
inline std::string to_cpu_text(uint64_t milli) {
  std::string fraction = std::to_string(1000 + milli % 1000).substr(1);
  while (!fraction.empty() && fraction.back() == '0')
    fraction.pop_back();
  return std::to_string(milli / 1000) + (fraction.empty() ? "" : "." + fraction);
}

/// "07:00" of 420 minutes.
inline std::string to_time_text(uint16_t minutes) {
  return std::to_string(100 + minutes / 60).substr(1) + ":" +
         std::to_string(100 + minutes % 60).substr(1);
}

/// Days as a profile writes them: "mon-fri", "mon,wed", "mon-wed,sun".
inline std::string to_days_text(uint8_t days) {
  std::string out;
  for (size_t day = 0; day < kDayWords.size(); ++day) {
    if ((days >> day & 1U) == 0) continue;
    size_t last = day;
    while (last + 1 < kDayWords.size() && (days >> (last + 1) & 1U) != 0)
      ++last;
    if (!out.empty()) out += ',';
    out += kDayWords.at(day);
    if (last > day) out += (last == day + 1 ? "," : "-") + std::string(kDayWords.at(last));
    day = last;
  }
  return out;
}

}  // namespace carrel::model
