#pragma once
// What every connection and every query works with.

#include <cstdint>

#include "launcher/gateway/relay/budgets.h"
#include "launcher/gateway/relay/dialer.h"
#include "launcher/gateway/relay/flow_numbers.h"
#include "launcher/gateway/relay/names_file.h"
#include "launcher/gateway/relay/pump.h"
#include "launcher/gateway/relay/report.h"
#include "launcher/gateway/relay/socket_cookie.h"
#include "profiles/model/profile.h"

namespace carrel::gateway {

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
};

/// CLOCK_MONOTONIC, in nanoseconds.
uint64_t now_ns();

}  // namespace carrel::gateway
