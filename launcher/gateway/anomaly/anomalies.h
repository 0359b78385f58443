#pragma once
// All that is noticed of a session's traffic. The relay counts and tells here; each thing is told
// at most once in ten minutes of one destination. Pure: time is CLOCK_MONOTONIC's, in nanoseconds.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "broker/record/events/net_events.h"
#include "launcher/gateway/anomaly/names.h"
#include "launcher/gateway/anomaly/requests.h"
#include "launcher/gateway/anomaly/volume.h"

namespace carrel::gateway {

/// Whether something may be told (again).
class OnceInAWhile {
 public:
  static constexpr size_t kMostKept = 1024;
  static constexpr size_t kMostOfOne = 64;  // destinations of one `what`
  bool may_tell(std::string_view what, const std::string& name, uint64_t now_ns);

 private:
  std::map<std::pair<std::string, std::string>, uint64_t> told_ns_;
};

class Anomalies {
 public:
  /// More destinations are one, without a name.
  static constexpr size_t kMostDestinations = 256;

  /// Bytes of one destination in this period: whoever moves them adds them.
  struct Moved {
    uint64_t up = 0, down = 0;
  };

  std::function<void(events::NetAnomaly)> tell;

  /// For good: the destination's counters live as long as this. `only_reads`: the rule lets no body
  /// out; once one does, the destination is no longer one that only reads.
  Moved& moved(const std::string& name, bool only_reads);
  /// A request, or a connection that is not read.
  void asked(const std::string& name, uint64_t now_ns);
  /// What an allowed request asks for; "" without a query.
  void target(const std::string& name, std::string_view path, std::string_view query,
              uint64_t now_ns);
  /// A server said 404.
  void not_found(const std::string& name, std::string_view target, uint64_t now_ns);
  /// A name was asked for that no rule has.
  void denied_name(std::string_view name, uint64_t now_ns);
  /// Such a name was not answered, being the so-and-so-manieth of its second.
  void too_many_names(unsigned most_a_second, uint64_t now_ns);
  /// A name of the profile's got no address, for all are given.
  void addresses_full(uint64_t now_ns);
  /// At least once a period: those that have ended are closed.
  void tick(uint64_t now_ns);
  /// As if nothing had happened; counters stay where they are.
  void forget();

 private:
  struct Requests {
    anomaly::Beacon beacon;
    anomaly::Scan scan;
    anomaly::Targets targets;
    anomaly::QueryValues values;
  };
  struct Destination {
    Moved moved;
    bool only_reads = true;
    anomaly::Volume volume;
    std::unique_ptr<Requests> requests;  // of those that are asked anything
  };
  using Place = std::pair<const std::string, Destination>;
  Place& place(const std::string& name);
  static Requests& requests(Place& place);
  void close(Place& place, uint64_t periods, uint64_t now_ns);
  void flag(std::optional<anomaly::Flag> flag, const std::string& name, uint64_t now_ns);

  std::map<std::string, Destination> destinations_;
  anomaly::DeniedNames names_;
  OnceInAWhile once_;
  uint64_t began_ns_ = 0;  // this period
};

}  // namespace carrel::gateway
