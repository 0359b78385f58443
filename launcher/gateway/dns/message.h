#pragma once
// DNS messages as the gateway reads and writes them (RFC 1035 4, EDNS: RFC 6891, extended errors:
// RFC 8914). Queries come from the workspace: hostile, bounded, read whole or not at all. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace carrel::gateway {

enum class Rcode : uint8_t {
  kNoError = 0,
  kFormatError = 1,
  kServerFailure = 2,
  kNameError = 3,  // NXDOMAIN
  kNotImplemented = 4,
};

/// Types that are answered otherwise than by "no such record".
inline constexpr uint16_t kTypeA = 1;
inline constexpr uint16_t kTypePtr = 12;
inline constexpr uint16_t kTypeAaaa = 28;
inline constexpr uint16_t kClassIn = 1;

struct Query {
  uint16_t id = 0;
  bool recursion_desired = false;
  std::string question;  // its bytes, to be said again as they were asked (upper case too)
  std::string name;      // labels with dots between, any bytes but dots inside a label as they came
  uint16_t type = 0;
  uint16_t klass = 0;
  bool edns = false;  // then extended errors can be told
};

/// What is answered to a message that is no query: the id and why.
struct Refused {
  uint16_t id = 0;
  Rcode code = Rcode::kFormatError;
};

/// Nothing: no answer at all (an answer itself, or too short to have an id). A question of exactly
/// one name without compression, at most an OPT record behind it, and nothing else.
std::variant<std::monostate, Refused, Query> read_query(std::string_view packet);

struct Answer {
  Rcode code = Rcode::kNoError;
  std::optional<uint32_t> address;  // of an A record, host byte order
  std::string pointer;              // of a PTR record: a canonical name, "" for none
  uint32_t ttl_s = 0;
  std::optional<uint16_t> extended_error;  // RFC 8914: 15 is "Blocked"
  std::string extended_text;               // for people; left out where there is no room
};

/// At most 512 bytes: it fits into any UDP answer.
std::string write_answer(const Query& query, const Answer& answer);
std::string write_refusal(const Refused& refused);

}  // namespace carrel::gateway
