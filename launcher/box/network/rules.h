#pragma once
// The packet filter of the caller's network namespace (libnftables(3)).

#include <string>

#include "profiles/base/result.h"

namespace carrel::network {

/// Loads rules as nft(8) reads them, all or none. Needs CAP_NET_ADMIN over the namespace.
Status load_rules(const std::string& text);

}  // namespace carrel::network
