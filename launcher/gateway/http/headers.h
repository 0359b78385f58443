#pragma once
// Which header fields pass. Of requests: a short list, and what a rule adds to it; what names a
// person, a credential, another host or another method never does. Of answers: all but those that
// would lead the client round the gateway. Pure.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/gateway/http/head.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxPassedHeaders =
    size_t{8} * 1024;  // names and values of a request together

/// How many fields did not pass, and why. Those that the gateway writes itself (Host, Connection,
/// Content-Length, …) are in none of them.
struct Dropped {
  size_t forbidden = 0;  // never pass: credentials, forwarding, method overrides
  size_t unknown = 0;    // on no list
  size_t too_long = 0;   // or beyond 8 KiB in all, not ASCII, or a second one where one is enough
  std::vector<std::string> names;  // of all of them, each once
};

struct FilteredRequest {
  Headers headers;
  Dropped dropped;
};

struct RequestFilter {
  std::vector<std::string> extra =
      {};                  // lower-case names that the rule adds; at most 256 bytes each
  bool injects = false;    // a lease is put in: answers must stay readable for secrets.h
  bool websocket = false;  // Allowed::upgrade
};

/// Accept-Encoding becomes gzip or identity, and identity only where a lease is injected; there
/// Range and If-Range do not pass, either.
/// Git-Protocol passes as version=0, 1 or 2. Expect never passes: the gateway answers it. A name
/// that never passes does not pass because a rule names it.
FilteredRequest filter_request(const RequestHead& head, const RequestFilter& filter);

/// True for names of fields that carry credentials or say who asks, whence, or what else than the
/// request line says; `name` in lower case.
bool never_passes(std::string_view name);

/// A whole opening handshake of a websocket (RFC 6455 4.1).
bool asks_websocket(const RequestHead& head);

/// Whether names are asked for over HTTPS: a content type of RFC 8484, or its JSON form, sent,
/// accepted, or answered.
bool speaks_dns(const Headers& headers);

/// How a lease is put into a request. Values that are none for a header (header_secret.h) are no
/// leases.
struct Injection {
  enum class Scheme {
    kBearer,  // Authorization: Bearer LEASE
    kToken,   // Authorization: token LEASE
    kBasic,   // Authorization: Basic base64(user:LEASE)
    kHeader,  // HEADER: LEASE
  };
  Scheme scheme = Scheme::kBearer;
  std::string user = {};    // of kBasic; no colon
  std::string header = {};  // of kHeader, lower case
  const Secret* lease = nullptr;
};

/// Name and value of the field. EINVAL for what cannot be one, and for a header that the gateway
/// writes itself.
struct InjectedHeader {
  std::string name;
  Secret value;
};
Result<InjectedHeader> make_injected(const Injection& injection);

struct ResponseFilter {
  bool injected = false;   // a lease was put in: no field may ask the client for a credential
  bool websocket = false;  // 101 was asked for and granted
};

/// Dropped: Set-Cookie, Alt-Svc, Alternate-Protocol, NEL, Report-To, Reporting-Endpoints, what
/// belongs to one connection (RFC 9110 7.6.1), Upgrade unless granted, and with a lease
/// WWW-Authenticate and Authentication-Info. HSTS stays.
Headers filter_response(const ResponseHead& head, const ResponseFilter& filter);

/// 401 and 407 become 403 where a lease was injected, or tools would ask people for a password.
int status_for_client(int status, bool injected);

/// Why a body cannot be searched for secrets as it comes: it is packed (a Content-Encoding but
/// identity), or a part (206), which may hold a part of one. Status 502, "unreadable" or "partial".
std::optional<Refusal> why_not_searched(const ResponseHead& head);

}  // namespace carrel::gateway::http
