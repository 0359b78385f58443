#pragma once
// The head of one message of HTTP/1.1 from its bytes (RFC 9112 2 to 6): strict, because what one
// reader refuses and another mends is how a request is smuggled past the reader that decides. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxRequestHead = size_t{16} * 1024;
inline constexpr size_t kMaxTarget = size_t{4} * 1024;
inline constexpr size_t kMaxResponseHead = size_t{32} * 1024;
inline constexpr size_t kMaxHeaders = 100;

/// One field. Values are printable ASCII, tabs and bytes above 0x7f, without white space around.
struct Header {
  std::string name;  // lower case
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

/// The first value of that name (given in lower case), or null.
const std::string* value_of(const Headers& headers, std::string_view name);
size_t count_of(const Headers& headers, std::string_view name);
/// Takes away all of that name: Content-Encoding of a body that is sent on unpacked.
void drop_fields(Headers& headers, std::string_view name);

enum class Framing {
  kNone,  // no body follows
  kLength,
  kChunked,
  kUntilClose,  // of responses only
};

struct Body {
  Framing framing = Framing::kNone;
  uint64_t length = 0;  // of kLength
  bool operator==(const Body&) const = default;
};

struct RequestHead {
  std::string method;  // A to Z, at most 20
  std::string target;  // as it came: visible ASCII; read_target() makes sense of it
  Headers headers;     // in order
  Body body;
  bool is_http10 = false;
  bool keep_alive = false;        // the client may send another request behind this one
  bool expects_continue = false;  // it waits for 100 before it sends the body
  size_t size = 0;                // bytes of the buffer that the head took
};

struct ResponseHead {
  int status = 0;
  Headers headers;
  Body body;
  std::optional<uint64_t> declared_length;  // also where no body follows (HEAD, 304)
  bool keep_alive = false;                  // the host will take another request
  size_t size = 0;

  /// 100, 102, 103: the answer itself is still to come, behind this head.
  [[nodiscard]] bool is_interim() const { return status < 200 && status != 101; }
};

/// Refused (400, 414, 417, 431, 505): a bare CR or LF, control bytes, folded lines, white space
/// around a name, more than 100 fields, 16 KiB or a target of 4 KiB; Transfer-Encoding other than
/// exactly one "chunked", with a Content-Length or in HTTP/1.0; a Content-Length that is repeated
/// or no plain number; repeated Content-Type or Content-Encoding; an Expect that is not
/// 100-continue; every version but 1.0 and 1.1 (so the preface of HTTP/2).
std::variant<NeedMore, Refusal, RequestHead> read_request_head(std::string_view bytes);

/// What the answer is an answer to.
struct Asked {
  std::string_view method;
  bool upgrade = false;  // a websocket was asked for: 101 may come
};

/// As strict; refusals have status 502. RFC 9112 6.3 says which answers have no body; a 1xx or 204
/// that announces one is refused, as is a 101 that nobody asked for.
std::variant<NeedMore, Refusal, ResponseHead> read_response_head(std::string_view bytes,
                                                                 const Asked& asked);

}  // namespace carrel::gateway::http
