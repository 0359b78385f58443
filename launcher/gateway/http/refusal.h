#pragma once
// Why a message goes no further: what its sender is answered and what the record says.

#include <string>
#include <string_view>
#include <variant>

namespace carrel::gateway::http {

struct Refusal {
  int status = 400;         // for the client; 502 where the host's answer is at fault
  std::string_view reason;  // one word for the record, a constant: "repeated-length"
  std::string why;          // a sentence for people; of the message at most its method
  bool operator==(const Refusal&) const = default;
};

/// The beginning of a message is good as far as it came: ask again with more bytes behind it.
struct NeedMore {
  bool operator==(const NeedMore&) const = default;
};

}  // namespace carrel::gateway::http
