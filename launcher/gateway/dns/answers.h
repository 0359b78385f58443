#pragma once
// What a query is answered, and what the record says of it. Nothing is ever asked of another
// server here: an allowed name gets its synthetic address, every other name does not exist. Pure.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "launcher/gateway/dns/message.h"
#include "launcher/gateway/dns/synthetic.h"

namespace carrel::gateway {

inline constexpr uint32_t kAnswerTtlS = 60;  // the address itself stays for good

/// Why it was answered so; the words are the record's.
enum class Reason {
  kAllowed,   // "allowed": an address
  kNoRecord,  // "no-record": an allowed name, but of this type there is nothing for anybody
  kDenied,    // "denied": no rule names it
  kNoName,    // "no-name": could be no host's name
  kFull,      // "full": all addresses of the workspace are given
  kPointer,   // "pointer": whose address it is
};
std::string_view to_word(Reason reason);

struct Decision {
  Answer answer;
  Reason reason = Reason::kDenied;
  std::string name;  // canonical where it has such a form, else as it was asked
};

/// Whether a rule lets a canonical name be reached at all, on whichever port.
using Allowed = std::function<bool(const std::string& name)>;

/// HTTPS and SVCB records do not exist for any name (they would tell of other addresses, of HTTP/3
/// and of keys that hide the name), nor do AAAA, MX, TXT and all others. A denied name is NXDOMAIN
/// with the extended error 15, Blocked.
Decision decide(const Query& query, const Allowed& allowed, SyntheticNames& names);

}  // namespace carrel::gateway
