#pragma once
// What was denied, said to the person at once and with the table of the profile that could grant
// it; bounded, so that a program that tries a thousand times fills no screen. Pure.

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "broker/record/events/event.h"
#include "profiles/model/profile.h"

namespace carrel::session {

class DenialLines {
 public:
  static constexpr size_t kMostLines = 10;

  explicit DenialLines(const model::Profile& profile);

  /// The line for an event, with its line feed: for a denial that was not said before. After
  /// kMostLines of them one last line points to the record.
  std::optional<std::string> line(const events::Event& event);

 private:
  std::map<std::string, std::string> words_;  // by rule id
  std::set<std::string> said_;
};

}  // namespace carrel::session
