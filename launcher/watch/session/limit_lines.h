#pragma once
// A limit that was reached, as one line for the contractor: what, how much, what the kernel did,
// and what to ask for. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/limit_watch.h"

namespace carrel::session {

class LimitLines {
 public:
  /// The same limit is not said again within a minute; the record has every event.
  static constexpr uint64_t kQuietNs = 60'000'000'000;

  LimitLines(const protocol::SessionSpec& spec, const std::vector<Volume>& volumes);

  /// The line, with its line feed; nothing where it was said a moment ago.
  std::optional<std::string> line(const events::Limit& limit, uint64_t now_ns);
  /// The key of [limits] that would grant more: the number of files in a tmpfs follows its size.
  [[nodiscard]] std::string key_of(const events::Limit& limit) const;

 private:
  std::string task_, profile_path_;
  std::set<std::string> tmpfs_;              // their paths
  std::map<std::string, uint32_t> lines_;    // of the profile, by limit
  std::map<std::string, uint64_t> said_ns_;  // by limit, action and object
};

}  // namespace carrel::session
