#pragma once
// An answer on its way out: what a passive object wants sent.

#include <string>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "broker/wire/protocol/type.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::monitor {

struct Reply {
  protocol::Type type = protocol::Type::kFailure;
  std::string body;
  std::vector<UniqueFd> fds;
};

/// `code` is an exit code of interfaces.md 1; the text is made safe to show.
inline Reply failure(uint32_t code, std::string_view text) {
  protocol::Failure message;
  message.set_code(code);
  message.set_text(quoted(text));
  return Reply{protocol::Type::kFailure, message.SerializeAsString(), {}};
}

template <typename Proto>
Reply reply_with(protocol::Type type, const Proto& message) {
  return Reply{type, message.SerializeAsString(), {}};
}

}  // namespace carrel::monitor
