#pragma once
// What every connection and every query works with.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launcher/gateway/anomaly/anomalies.h"
#include "launcher/gateway/relay/body_room.h"
#include "launcher/gateway/relay/budgets.h"
#include "launcher/gateway/relay/dialer.h"
#include "launcher/gateway/relay/flow_numbers.h"
#include "launcher/gateway/relay/leases.h"
#include "launcher/gateway/relay/names_file.h"
#include "launcher/gateway/relay/pump.h"
#include "launcher/gateway/relay/report.h"
#include "launcher/gateway/relay/socket_cookie.h"
#include "launcher/gateway/tls/authority.h"
#include "launcher/gateway/tls/upstream.h"
#include "profiles/decide/live_grants.h"
#include "profiles/model/profile.h"

namespace carrel::gateway {

/// Where a rule stands in its profile, for people.
struct RulePlace {
  std::string file;  // "": the profile's own
  int line = 0;
};

struct Parts {
  Loop& loop;
  const model::Profile& profile;
  Report& report;
  NamesFile names;
  Dialer dialer;
  SocketCookies cookies;
  Budgets budgets;
  Pipes pipes;
  FlowNumbers numbers;
  Leases leases;
  decide::LiveGrants grants;           // beyond the profile, for now
  std::optional<Authority> authority;  // where something is inspected
  std::string roots;                   // PEM; `upstream` is made of it when it is first needed
  std::optional<Upstream> upstream;
  std::string profile_path;  // for people
  std::map<std::string, RulePlace> places;
  Anomalies anomalies = {};
  BodyRoom bodies = BodyRoom();
};

/// CLOCK_MONOTONIC, in nanoseconds.
uint64_t now_ns();

}  // namespace carrel::gateway
