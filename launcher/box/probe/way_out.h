#pragma once
// Whether this host gives what a way out takes, by making one: carrel-network does it in a network
// namespace that ends with it.

#include <string>

namespace carrel::probe {

struct WayOutFacts {
  bool given = false;
  std::string why;    // what was made, or what failed
  std::string mends;  // "" where it is given
  bool operator==(const WayOutFacts&) const = default;
};

/// Runs `carrel-network check` at that path and waits for it, at most so long; it says on its
/// output what failed. Nothing of the host's own network is touched.
WayOutFacts try_way_out(const std::string& program, int patience_ms = 20'000);

/// The same from what the check said (at most a line) and its exit status. Pure.
WayOutFacts way_out_of(int status, const std::string& said);

}  // namespace carrel::probe
