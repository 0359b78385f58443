#pragma once
// What a session did on the network, for people and as one JSON object. Pure.

#include <string>

#include "launcher/cli/review/net_facts.h"

namespace carrel::review {

/// A page: destinations with bytes and requests, names that lead nowhere, addresses that were
/// refused, then budgets, anomalies and grants as they came. Safe to show.
std::string net_text(const NetFacts& facts);
/// {v, session, destinations, names, addresses, notes, unlisted}, one line (docs/egress.md).
std::string net_json(const std::string& session, const NetFacts& facts);

}  // namespace carrel::review
