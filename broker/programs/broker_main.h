#pragma once
// The broker from its arguments to its end. In a header of its own so that the sandbox tests can
// look at it from the inside, at the two moments that matter.

#include <cstdint>
#include <functional>

namespace carrel::programs {

/// Called on the way; empty in the shipped program, and an hour.
struct BrokerHooks {
  std::function<void()> before_confinement;
  std::function<void()> when_ready;  // everything is open, the launcher not yet told
  uint64_t tend_ms = 3'600'000;      // how often it looks whether keys of tokens are to change
};

/// Runs the broker to its end. 0 when the launcher's channel closed; 1 with the reason in the log
/// and, as a Failure frame, in the launcher's channel.
int broker_main(int argc, const char* const* argv, const BrokerHooks& hooks);

}  // namespace carrel::programs
