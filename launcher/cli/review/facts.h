#pragma once
// What a record says in sum: gathered in one pass over its events and seals, from its bytes alone.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/record/segments/store.h"
#include "broker/wire/protocol/messages.pb.h"

namespace carrel::review {

// Beyond these a record is counted and no longer listed.
inline constexpr size_t kMaxDenialGroups = 10'000;
inline constexpr size_t kMaxChangesListed = 200'000;
inline constexpr size_t kMaxTerminalsListed = 1'000;
inline constexpr size_t kMaxOrdersListed = 10'000;
inline constexpr size_t kMaxAnomaliesListed = 1'000;

/// Equal denials: same type, object, errno and rule.
struct Denial {
  uint64_t seq = 0;  // of the first
  uint64_t time_ns = 0;
  std::string type;
  std::string object;  // raw bytes
  int32_t error = 0;
  std::string rule;
  uint64_t times = 0;
};

/// A further terminal or command that was attached.
struct TerminalFacts {
  std::string channel, command, how;  // raw bytes
  uint64_t opened_ns = 0;
  std::optional<events::TerminalEnded> ended;
};

/// A port of the workspace that was reached through ssh connections.
struct ForwardFacts {
  std::string address;
  uint32_t port = 0;
  uint64_t times = 0;
};

/// A limit of the workspace that was reached ("hit"), nearly ("near"), or of the host's that held
/// it
/// ("held"): each with its first time.
struct LimitFacts {
  std::string limit, action, object;  // raw bytes; the object of the first that names one
  uint64_t value = 0;
  uint64_t times = 0;
  uint64_t first_ns = 0;
};

/// What somebody did to the session, or a limit of time did.
struct OrderFacts {
  std::string action, by, reason;  // raw bytes
  uint64_t time_ns = 0;
};

/// Traffic of an unusual shape, or that the gateway was lost.
struct AnomalyFacts {
  uint64_t seq = 0;
  uint64_t time_ns = 0;
  events::NetAnomaly told;  // raw bytes
};

struct LeaseFacts {
  std::string name, kind, lease;
  uint64_t issued_ns = 0;
  uint64_t not_after_s = 0;
  std::optional<uint64_t> ended_ns;
};

struct SealFacts {
  uint64_t count = 0;
  uint64_t size = 0;  // events under the last one
  std::string root;   // hex, "" without a seal
  uint64_t lost = 0;
  bool closed = false;
};

/// Verdicts in the order allowed, denied, observed.
using VerdictCounts = std::array<uint64_t, 3>;
size_t verdict_index(events::Verdict verdict);

struct Facts {
  std::optional<events::RecorderOpen> open;
  std::optional<events::RecorderEnd> end;
  uint64_t started_ns = 0;  // the first event's clock time
  uint64_t last_ns = 0;     // the last one's
  uint64_t first_mono_ns = 0;
  uint64_t events = 0;
  uint64_t denied = 0;
  uint64_t changed = 0;
  std::map<std::string, VerdictCounts> counts;  // by kind
  std::vector<Denial> denials;                  // in order of their first
  uint64_t denied_unlisted = 0;
  std::vector<events::FileChanged> changes;
  std::vector<TerminalFacts> terminals;  // in the order in which they were opened
  std::vector<ForwardFacts> forwards;    // in the order of their first
  std::vector<LimitFacts> limits;        // in the order of their first
  std::vector<OrderFacts> orders;
  std::vector<AnomalyFacts> anomalies;
  uint64_t anomalies_unlisted = 0;
  std::vector<LeaseFacts> credentials;
  std::map<std::string, uint64_t> loss;
  SealFacts seals;
  bool unfinished = false;  // the last segment is open
  std::string damage;       // why reading stopped, "" when all could be read

  [[nodiscard]] uint64_t lost() const;
  /// The rule of event 0 with this id, or nullptr.
  [[nodiscard]] const events::Rule* rule(std::string_view id) const;
};

/// Never an Error: what cannot be read is part of the facts.
Facts read_facts(const segments::RecordReader& record);

/// The row with everything replaced that the record says itself. `state` is the broker's where the
/// session lives, else "closed" only for a record that was closed.
protocol::SessionRow told_by_record(const protocol::SessionRow& row, const Facts& facts);

}  // namespace carrel::review
