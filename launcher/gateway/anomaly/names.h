#pragma once
// Names that were asked for and that no rule has: which of their shapes stand out. Nobody else was
// asked for them, so they carry nothing out; they say what was tried. Untrusted bytes. Pure, and
// bounded.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "launcher/gateway/anomaly/words.h"

namespace carrel::gateway::anomaly {

/// What a name lies under: its last two labels, three behind "co.uk" and its kin; the labels before
/// them are `front`, without the dot. A name that is no longer than that: front "".
struct NameParts {
  std::string_view front, suffix;
};
NameParts parts_of(std::string_view name);

class DeniedNames {
 public:
  static constexpr size_t kMostNames = 20;   // different ones within a minute
  static constexpr size_t kMostLabels = 10;  // different ones under one suffix
  static constexpr size_t kEnough = 10;      // names, for a mean
  static constexpr double kLong = 20;        // bytes of a label, in the mean
  static constexpr size_t kMostKept = 1024;  // names and suffixes a minute; more are not looked at

  struct Found {
    Flag flag;
    std::string name;  // that it is of; "" of all
  };
  /// "names": more than 20 a minute. "labels": of at least 10, the labels before the suffix are
  /// longer than 20 in the mean. "suffix": more than 10 under one suffix. The minute begins with a
  /// name; of one minute each is found once.
  std::vector<Found> add(std::string_view name, uint64_t now_ns);

 private:
  void begin(uint64_t now_ns);
  void add_lengths(std::string_view front);
  bool add_label(const NameParts& parts);
  std::unordered_set<size_t> seen_;                          // hashes of names
  std::map<std::string, std::unordered_set<size_t>> under_;  // by suffix, of fronts
  uint64_t labels_ = 0, label_bytes_ = 0, named_ = 0, began_ns_ = 0;
  bool found_long_ = false;
};

}  // namespace carrel::gateway::anomaly
