#include "launcher/watch/session/output_relay.h"

#include <poll.h>

#include <string>
#include <utility>

namespace carrel::session {

bool OutputRelay::move(TerminalPort::Output& output) {
  std::optional<std::string> bytes = terminal_.read(output, clock_.mono_ns());
  if (!bytes.has_value()) return false;
  record_.add(events::TerminalOutput{std::string(output.stream), *bytes}, channel_);
  client_.send(output.to_stderr ? protocol::Type::kStderr : protocol::Type::kStdout, *bytes);
  return true;
}

bool OutputRelay::drain(uint64_t timeout_ms) {
  const uint64_t until = clock_.mono_ns() + timeout_ms * kNsPerMs;
  terminal_.finish();
  while (!terminal_.ended() && clock_.mono_ns() < until) {
    bool moved = false;
    for (TerminalPort::Output& output : terminal_.outputs())
      moved = move(output) || moved;
    client_.flush();
    record_.wait(timeout_ms, [this] { return !record_.full(); });
    if (!moved && !terminal_.ended()) poll(nullptr, 0, 1);
  }
  return terminal_.ended();
}

}  // namespace carrel::session
