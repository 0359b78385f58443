#pragma once
// What a session did on the network, in sum: gathered in one pass over its record, from its bytes
// alone.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/record/segments/store.h"

namespace carrel::review {

inline constexpr size_t kMaxListed = 10'000;  // of each kind; beyond it only counted
inline constexpr size_t kMaxOfOne = 32;       // programs, leases, addresses of one destination

/// A port of a name (or of an address that was never given a name) that was connected to.
struct Destination {
  std::string name;  // raw bytes
  uint32_t port = 0;
  std::string mode, rule;  // of the first connection that was allowed
  uint64_t connections = 0;
  uint64_t refused = 0;          // connections that no rule allowed
  uint64_t without_process = 0;  // connections of which it is not known whose they were
  uint64_t up = 0;               // bytes out of the workspace
  uint64_t down = 0;
  uint64_t first_ns = 0;  // since 1970
  uint64_t last_ns = 0;
  std::set<std::string> programs;           // paths, as seen inside
  std::set<std::string> upstreams;          // addresses that were dialled
  std::set<std::string> leases;             // that were put in
  std::map<std::string, uint64_t> ends;     // by what a connection ended: "closed", "budget", …
  std::map<std::string, uint64_t> methods;  // inspected requests
  uint64_t requests = 0;
  uint64_t requests_denied = 0;
};

/// A name that was asked for and led nowhere.
struct UnknownName {
  std::string name, reason, rule;
  uint64_t times = 0;
  uint64_t first_ns = 0;
};

/// An address that a process tried and was refused: no name of the gateway's.
struct RefusedAddress {
  std::string address;
  uint32_t port = 0;
  uint64_t times = 0;
  uint64_t first_ns = 0;
  std::set<std::string> programs;
};

/// A budget, an anomaly, a grant: one line each, in the record's order.
struct NetNote {
  std::string kind;  // "budget" | "anomaly" | "grant"
  std::string what;  // "near", "spent" | the anomaly's | "requested", "approved", …
  std::string name;  // destination; of a grant, what was shown
  std::string detail;
  uint64_t time_ns = 0;
};

struct NetFacts {
  uint64_t started_ns = 0;
  std::vector<Destination> destinations;  // in the order of their first
  std::vector<UnknownName> names;
  std::vector<RefusedAddress> addresses;
  std::vector<NetNote> notes;
  uint64_t unlisted = 0;
  std::string damage;  // why reading stopped, "" when all could be read
};

/// Never an Error: what cannot be read is part of the facts.
NetFacts read_net_facts(const segments::RecordReader& record);

}  // namespace carrel::review
