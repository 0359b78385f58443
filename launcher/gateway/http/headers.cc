#include "launcher/gateway/http/headers.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "launcher/gateway/http/text.h"
#include "profiles/base/header_secret.h"
#include "profiles/base/text.h"

namespace carrel::gateway::http {
namespace {

constexpr size_t kMaxValue = 256;

struct Passing {
  std::string_view name;
  size_t max_value = kMaxValue;
  bool is_list = false;  // may be there several times
};

/// What passes without a rule that names it. Lists of types and of entity tags are long in
/// practice.
constexpr std::array<Passing, 14> kPassing = {{
    {"accept", 1024, true},
    {"accept-encoding"},
    {"accept-language", kMaxValue, true},
    {"cache-control", kMaxValue, true},
    {"content-encoding"},
    {"content-type"},
    {"git-protocol"},
    {"if-match", 1024, true},
    {"if-modified-since"},
    {"if-none-match", 1024, true},
    {"if-range"},
    {"if-unmodified-since"},
    {"range"},
    {"user-agent"},
}};

/// The opening handshake of RFC 6455. Extensions are left out: what is compressed is not inspected.
constexpr std::array<Passing, 3> kWebsocket = {{
    {"sec-websocket-key"},
    {"sec-websocket-protocol", kMaxValue, true},
    {"sec-websocket-version"},
}};

/// By these a client asks for parts of an answer: nobody would find a lease that comes in two.
constexpr std::array<std::string_view, 3> kOfParts = {"if-range", "range", "request-range"};

/// Written by the gateway from what it decided, or of one connection only (RFC 9110 7.6.1).
constexpr std::array<std::string_view, 11> kOwn = {
    "connection",     "content-length",    "expect",           "host",
    "http2-settings", "keep-alive",        "proxy-connection", "te",
    "trailer",        "transfer-encoding", "upgrade"};

constexpr std::array<std::string_view, 11> kNeverExact = {
    "authentication", "authorization", "client-ip",      "cookie", "cookie2",
    "forwarded",      "origin-url",    "true-client-ip", "via",    "x-method-override",
    "x-real-ip"};

constexpr std::array<std::string_view, 8> kNeverStart = {
    "proxy-",      "upgrade-insecure-", "x-forwarded",       "x-http-method",
    "x-original-", "x-rewrite-",        "x-envoy-original-", "sec-websocket-"};

/// Names of fields that carry credentials have one of these in them, whoever invented them.
constexpr std::array<std::string_view, 8> kCredentialWords = {
    "api-key", "apikey", "api_key", "auth", "credential", "passw", "secret", "token"};

constexpr std::array<std::string_view, 7> kNeverAnswered = {
    "alt-svc",    "alternate-protocol", "nel", "report-to", "reporting-endpoints",
    "set-cookie", "set-cookie2"};

template <typename List>
bool has(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

template <typename List>
const Passing* find(const List& list, std::string_view name) {
  const auto at =
      std::find_if(list.begin(), list.end(), [&](const Passing& p) { return p.name == name; });
  return at == list.end() ? nullptr : &*at;
}

bool is_printable(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return is_visible(c) || c == ' ' || c == '\t'; });
}

/// Names that Connection says belong to this connection only.
bool is_nominated(const Headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    return header.name == "connection" && list_has(header.value, name);
  });
}

/// "gzip;q=1.0, *" has gzip; "gzip;q=0" has not, nor has anything else that is not plainly it.
bool accepts_gzip(std::string_view list) {
  while (true) {
    const size_t comma = list.find(',');
    const std::string_view member = trimmed(list.substr(0, comma));
    const size_t mark = member.find(';');
    const std::string_view weight =
        mark == std::string_view::npos ? "" : trimmed(member.substr(mark + 1));
    const bool refused =
        weight.starts_with("q=0") && weight.find_first_of("123456789") == std::string_view::npos;
    if (same_ignoring_case(trimmed(member.substr(0, mark)), "gzip") && !refused) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

/// The value as it passes, or nothing.
std::optional<std::string> value_to_pass(const Header& header, const RequestFilter& filter) {
  if (header.name == "accept-encoding")
    return !filter.injects && accepts_gzip(header.value) ? "gzip, identity" : "identity";
  if (header.name == "git-protocol" && header.value != "version=2" && header.value != "version=1" &&
      header.value != "version=0")
    return std::nullopt;
  if (!is_printable(header.value)) return std::nullopt;
  return header.value;
}

void note(Dropped& dropped, size_t& count, const std::string& name) {
  ++count;
  if (!has(dropped.names, name)) dropped.names.push_back(name);
}

/// The list's entry for a name, if it passes at all.
std::optional<Passing> passing(const std::string& name, const RequestFilter& filter) {
  if (filter.injects && has(kOfParts, name)) return std::nullopt;
  if (const Passing* entry = find(kPassing, name)) return *entry;
  if (filter.websocket) {
    if (const Passing* entry = find(kWebsocket, name)) return *entry;
  }
  if (has(filter.extra, name) && !never_passes(name)) return Passing{name, kMaxValue, false};
  return std::nullopt;
}

void filter_one(const Header& header, const RequestFilter& filter, FilteredRequest& out,
                size_t& total) {
  const auto entry = passing(header.name, filter);
  if (!entry) {
    const bool forbidden = never_passes(header.name);
    note(out.dropped, forbidden ? out.dropped.forbidden : out.dropped.unknown, header.name);
    return;
  }
  const auto value = value_to_pass(header, filter);
  const bool second = !entry->is_list && count_of(out.headers, header.name) > 0;
  const size_t size = header.name.size() + header.value.size();
  if (!value || second || header.value.size() > entry->max_value ||
      total + size > kMaxPassedHeaders) {
    note(out.dropped, out.dropped.too_long, header.name);
    return;
  }
  total += size;
  out.headers.push_back({header.name, *value});
}

bool is_credential_request(std::string_view name) {
  return name == "www-authenticate" || name == "authentication-info";
}

}  // namespace

bool never_passes(std::string_view name) {
  if (has(kNeverExact, name) || has(kOwn, name)) return true;
  const auto starts = [&](std::string_view start) { return name.starts_with(start); };
  const auto contains = [&](std::string_view word) {
    return name.find(word) != std::string_view::npos;
  };
  return std::any_of(kNeverStart.begin(), kNeverStart.end(), starts) ||
         std::any_of(kCredentialWords.begin(), kCredentialWords.end(), contains);
}

FilteredRequest filter_request(const RequestHead& head, const RequestFilter& filter) {
  FilteredRequest out;
  size_t total = 0;
  for (const Header& header : head.headers) {
    if (has(kOwn, header.name) || is_nominated(head.headers, header.name)) continue;
    filter_one(header, filter, out, total);
  }
  return out;
}

bool asks_websocket(const RequestHead& head) {
  const std::string* version = value_of(head.headers, "sec-websocket-version");
  const std::string* upgrade = value_of(head.headers, "upgrade");
  return head.method == "GET" && !head.is_http10 && head.body.framing == Framing::kNone &&
         count_of(head.headers, "upgrade") == 1 && same_ignoring_case(*upgrade, "websocket") &&
         is_nominated(head.headers, "upgrade") && version != nullptr && *version == "13" &&
         count_of(head.headers, "sec-websocket-key") == 1;
}

bool speaks_dns(const Headers& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const Header& header) {
    if (header.name != "content-type" && header.name != "accept") return false;
    const std::string value = lower_case(header.value);
    return value.find("application/dns-message") != std::string::npos ||
           value.find("application/dns-json") != std::string::npos;
  });
}

Result<InjectedHeader> make_injected(const Injection& injection) {
  const Error refused{"put a lease into a request", EINVAL};
  if (injection.lease == nullptr) return refused;
  const std::string_view lease = injection.lease->expose();
  if (!header_secret_fault(lease).empty()) return refused;
  if (injection.scheme == Injection::Scheme::kBasic) {
    if (injection.user.find(':') != std::string::npos || !is_printable(injection.user))
      return refused;
    const Secret pair(injection.user + ":" + std::string(lease));
    const Secret encoded(to_base64(pair.expose()));
    return InjectedHeader{"authorization", Secret("Basic " + std::string(encoded.expose()))};
  }
  if (injection.scheme == Injection::Scheme::kHeader) {
    const std::string& name = injection.header;
    if (!is_token(name) || lower_case(name) != name || has(kOwn, name)) return refused;
    return InjectedHeader{name, Secret(std::string(lease))};
  }
  const bool bearer = injection.scheme == Injection::Scheme::kBearer;
  return InjectedHeader{"authorization",
                        Secret((bearer ? "Bearer " : "token ") + std::string(lease))};
}

Headers filter_response(const ResponseHead& head, const ResponseFilter& filter) {
  Headers out;
  for (const Header& header : head.headers) {
    if (has(kNeverAnswered, header.name) || header.name.starts_with("proxy-")) continue;
    if (filter.injected && is_credential_request(header.name)) continue;
    if (has(kOwn, header.name) || is_nominated(head.headers, header.name)) continue;
    const bool handshake = header.name.starts_with("sec-websocket-");
    if (handshake && !filter.websocket) continue;
    out.push_back(header);
  }
  return out;
}

int status_for_client(int status, bool injected) {
  return injected && (status == 401 || status == 407) ? 403 : status;
}

std::optional<Refusal> why_not_searched(const ResponseHead& head) {
  const bool packed =
      std::any_of(head.headers.begin(), head.headers.end(), [](const Header& header) {
        return header.name == "content-encoding" && !same_ignoring_case(header.value, "identity");
      });
  if (packed) return Refusal{502, "unreadable", "the answer is packed: it may hold the credential"};
  constexpr int kPartial = 206;
  if (head.status == kPartial)
    return Refusal{502, "partial", "the answer is a part: it may hold a part of the credential"};
  return std::nullopt;
}

}  // namespace carrel::gateway::http
