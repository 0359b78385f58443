#pragma once
// What the command writes goes to the record first and to the person's screen second, byte for
// byte.

#include "launcher/watch/session/client_port.h"
#include "launcher/watch/session/record_link.h"
#include "launcher/watch/session/terminal_port.h"

namespace carrel::session {

class OutputRelay {
 public:
  /// References outlive this.
  OutputRelay(TerminalPort& terminal, RecordLink& record, ClientPort& client, const Clock& clock,
              std::string channel = {})
      : terminal_(terminal),
        record_(record),
        client_(client),
        clock_(clock),
        channel_(std::move(channel)) {}

  /// Moves at most one chunk. False when nothing was there.
  bool move(TerminalPort::Output& output);
  /// With no writer left: moves everything until the outputs end, or this much time has passed
  /// (somebody outside holds one open). False in the latter case.
  bool drain(uint64_t timeout_ms);

 private:
  TerminalPort& terminal_;
  RecordLink& record_;
  ClientPort& client_;
  const Clock& clock_;
  std::string channel_;  // under which it is recorded
};

}  // namespace carrel::session
