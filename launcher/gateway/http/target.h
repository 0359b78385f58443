#pragma once
// Where a request goes: the one form of its path and query that is decided and sent. What cannot be
// brought to one form is refused, so no two readers can differ about it (RFC 3986 6.2.2). Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "launcher/gateway/http/head.h"

namespace carrel::gateway::http {

/// The host that the connection was dialled to.
struct Origin {
  std::string name;  // canonical: lower case, no dot at its end
  uint16_t port = 443;
  bool tls = true;

  /// As a Host field has it: with the port where it is not the scheme's own.
  [[nodiscard]] std::string host() const;
  bool operator==(const Origin&) const = default;
};

struct Target {
  std::string path;  // begins with /, canonical
  bool has_query = false;
  std::string query;  // without its ?, canonical

  /// In origin form, as it is sent.
  [[nodiscard]] std::string text() const;
  bool operator==(const Target&) const = default;
};

/// What becomes of an escaped slash in a path.
enum class EscapedSlash {
  kRefused,
  kKept,  // as "%2F" within one component, neither side of it empty or dots
};

/// The target of a request to that host. Refused: CONNECT and TRACE (405), "*" and everything that
/// is neither a path nor a whole URL; user information; a fragment; Host missing, repeated, or
/// (421) not the dialled name, as is the authority of a whole URL; and what read_path() refuses.
std::variant<Refusal, Target> read_target(const RequestHead& head, const Origin& origin,
                                          EscapedSlash slash = EscapedSlash::kRefused);

/// A path with its unreserved characters decoded, other escapes in upper case, empty components
/// left out and dots resolved. Refused: escapes that are none, of control bytes, of bytes above
/// 0x7f, of
/// /, \ and ;, and of % before two hex digits (decoded twice it would be another path); \ and ; as
/// they are, characters that RFC 3986 3.3 does not have, and dots that lead above the root.
/// Where an escaped slash is kept, nothing beside it is empty, "." or "..": a server that decodes
/// it comes to no other folder.
std::variant<Refusal, std::string> read_path(std::string_view text,
                                             EscapedSlash slash = EscapedSlash::kRefused);

/// Whether a canonical path has an escaped slash.
bool has_escaped_slash(std::string_view path);

/// Escapes as in a path, but of any byte save NUL; characters that a URL may not have are escaped.
std::variant<Refusal, std::string> read_query(std::string_view text);

}  // namespace carrel::gateway::http
