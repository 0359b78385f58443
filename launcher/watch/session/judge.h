#pragma once
// Turns what the sensor saw into the event that the record keeps, with the verdict and the rule
// behind it, or into a count. Pure but for what the contractor made so far.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/record/events/event.h"
#include "launcher/watch/sensor/reader.h"
#include "profiles/decide/decide.h"
#include "profiles/decide/live_grants.h"
#include "profiles/decide/why.h"
#include "profiles/model/profile.h"

namespace carrel::session {

class Judge {
 public:
  /// The profile outlives this.
  explicit Judge(const model::Profile& profile);
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  /// The event without number and wall time, and with a channel only where the sensor says which;
  /// nothing when it is only counted (a miss that nobody
  /// meant, a call that is refused quietly for compatibility). In the order of the sensor: what the
  /// contractor made decides about what comes after.
  std::optional<events::Event> judge(sensor::Observation seen);
  /// What a synthetic address means, as the gateway told the workspace: the first word holds, and
  /// none about any other address.
  void learn(const std::string& address, const std::string& name);
  /// One more destination for a while, by the id of its request; and no longer.
  void grant(std::string id, model::Network network) {
    grants_.add(std::move(id), std::move(network));
  }
  void end_grant(std::string_view id) { grants_.end(id); }
  [[nodiscard]] decide::Grants grants() const { return grants_.list(); }
  /// A change of the working tree found at the end: allowed by the write entry above it, else
  /// observed, with the entry's rule where there is one.
  [[nodiscard]] events::Event judge_change(events::FileChanged change) const;
  /// A port that an ssh server would not reach for its client: the host is as it was asked for.
  [[nodiscard]] events::Event judge_refused_forward(const std::string& host, uint32_t port) const;
  /// What would be decided about a path (normalised) that nobody has touched yet.
  [[nodiscard]] decide::Foresight foresee(std::string_view path) const {
    return decide::foresee(policy_, path, made_);
  }
  /// The root of the slice at or above a path; nothing outside of them.
  [[nodiscard]] std::optional<std::string> top_of(std::string_view path) const {
    const decide::Policy::Slice* slice = policy_.slice_of(path);
    return slice == nullptr ? std::nullopt : std::optional<std::string>(slice->root);
  }
  /// By event type, how many were only counted.
  [[nodiscard]] const std::map<std::string, uint64_t>& counted_only() const { return counted_; }

 private:
  std::optional<decide::Decision> decide(sensor::Observation& seen);
  decide::Decision decide_file(const decide::FileAttempt& attempt);

  static std::string_view without_mapping(std::string_view address);
  [[nodiscard]] int error_of(const events::NetConnect& connect, int error) const;
  std::optional<decide::Decision> decide_way_out(const events::NetConnect& connect);

  decide::Policy policy_;
  const model::Profile& profile_;             // what the gateway lets pass
  decide::LiveGrants grants_;                 // and beyond it
  std::map<std::string, std::string> names_;  // by synthetic address
  std::string network_rule_;                  // of the last decision
  decide::MadePaths made_;
  std::map<std::string, uint64_t> counted_;
};

}  // namespace carrel::session
