#pragma once
// What the gateway says of a workspace's traffic, and what becomes of requests for more.

#include <cstdint>
#include <string>
#include <vector>

namespace carrel::events {

/// A name was asked for. Nothing was asked of anybody else: the workspace's own list answered.
/// `flow` is the number of the next connection to that name; `count`: how often within its minute.
struct DnsQuery {
  uint64_t flow = 0;
  std::string name;    // as it was asked where it is no host name
  std::string type;    // "A", "AAAA", "HTTPS", …, "TYPE65280"
  std::string answer;  // "address" | "none" | "no-such-name" | "pointer" | "refused"
  std::string
      reason;  // "allowed" | "no-record" | "denied" | "no-name" | "full" | "pointer" | "too-many"
  std::string address;  // that it was given; ""
  uint64_t count = 0;
  bool operator==(const DnsQuery&) const = default;
};
/// A connection reached the gateway: to a name (allowed or denied), or to the listener itself.
struct NetOpen {
  uint64_t flow = 0;
  std::string name;     // behind the address; "" of one that was never given
  std::string address;  // that was connected to, inside
  uint32_t port = 0;
  std::string mode;  // "inspect" | "passthrough" | "tcp"; "" where denied
  bool operator==(const NetOpen&) const = default;
};
/// That connection's end. Bytes are those of the workspace's side, counted as they were delivered.
struct NetClose {
  uint64_t flow = 0;
  std::string name;
  std::string upstream;  // the address dialled, with its port; "" where none was
  uint64_t up = 0;       // bytes out of the workspace
  uint64_t down = 0;     // bytes into it
  std::string by;        // "closed" | "reset" | "denied" | "budget" | "lease" | "grant" | "idle" |
                         // "session" | "unreachable" | "protocol" | "full"
  std::string why;       // a sentence; ""
  uint64_t ms = 0;       // from open to close
  bool operator==(const NetClose&) const = default;
};
/// What no rule can lead anywhere was tried, and the kernel refused it: a sample, see the sensor's
/// net.connect for the whole.
struct NetRefused {
  std::string protocol;  // "tcp" | "udp"
  std::string address;
  uint32_t port = 0;
  uint64_t count = 0;  // how often within its minute
  bool operator==(const NetRefused&) const = default;
};
/// action: "near", four fifths of a budget are used; "spent", what came beyond it was cut.
struct NetBudget {
  std::string action;
  std::string name;
  std::string way;     // "up" | "down"
  uint64_t limit = 0;  // bytes of a session
  uint64_t used = 0;
  uint64_t flow = 0;  // that reached it
  bool operator==(const NetBudget&) const = default;
};
/// Traffic of an unusual shape; nothing is decided by it. `detail` holds the numbers.
struct NetAnomaly {
  std::string what;  // a word of docs/egress.md, Anomalies
  std::string name;  // the destination; "" of all
  std::string detail;
  bool operator==(const NetAnomaly&) const = default;
};
/// The names in the first bytes of a TLS connection, as the client gave them.
struct TlsHello {
  uint64_t flow = 0;
  std::string sni;
  std::vector<std::string> alpn;
  std::string fingerprint;  // JA4
  std::string why;          // a word; "" where it was let through
  bool operator==(const TlsHello&) const = default;
};
/// One inspected request and what came of it. Sizes hold heads and bodies, digests bodies alone.
struct HttpRequest {
  uint64_t flow = 0;
  uint64_t number = 0;  // within its connection, from 1
  std::string method;
  std::string host;
  std::string path;                // canonical, as it was sent on
  std::vector<std::string> query;  // its keys
  std::string query_sha256;        // raw, of the whole query; "" without one
  uint32_t status = 0;             // 0: no answer
  uint64_t up = 0;
  uint64_t down = 0;
  std::string up_sha256;    // raw; "" without a body
  std::string down_sha256;  // raw; "" without a body
  std::string up_type;      // media type
  std::string down_type;
  uint32_t dropped = 0;  // headers that were not passed on
  std::string lease;     // that was put in; ""
  std::string reason;    // of a denial, a word
  bool operator==(const HttpRequest&) const = default;
};
/// Something beyond the profile was asked for, and what became of it: action "requested" |
/// "approved" | "refused" | "ended".
struct GrantChange {
  std::string action;
  std::string id;
  std::string what;         // as it was shown to whoever decides
  std::string text_sha256;  // raw, of exactly that
  std::string person;       // who asked, or decided
  std::string reason;
  uint64_t until_ns = 0;  // since 1970; 0: not said
  bool operator==(const GrantChange&) const = default;
};

}  // namespace carrel::events
