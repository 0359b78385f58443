// Single values of [[network]] tables and of the credentials that the gateway puts in.

#include <algorithm>
#include <array>

#include "profiles/base/cidr.h"
#include "profiles/base/text.h"
#include "profiles/model/words.h"
#include "profiles/parse/checks.h"

namespace carrel::parse {
namespace {

std::string shown(std::string_view text) {
  return '"' + quoted(text.substr(0, 80)) + '"';
}

/// What a company's own hosts have: RFC 1918, RFC 6598, RFC 4193, and the documentation's (RFC
/// 5737, RFC 3849), for tests. No rule leads to any other special address.
constexpr std::array<std::string_view, 9> kMayBeMeant = {
    "10.0.0.0/8",      "172.16.0.0/12",  "192.168.0.0/16", "100.64.0.0/10", "192.0.2.0/24",
    "198.51.100.0/24", "203.0.113.0/24", "fc00::/7",       "2001:db8::/32"};

/// What the gateway writes itself, what changes where a request goes or which one it is, and what
/// belongs to one connection (RFC 9110 7.6).
constexpr std::array<std::string_view, 21> kOwnHeaders = {"host",
                                                          "connection",
                                                          "keep-alive",
                                                          "te",
                                                          "trailer",
                                                          "transfer-encoding",
                                                          "content-length",
                                                          "upgrade",
                                                          "expect",
                                                          "via",
                                                          "forwarded",
                                                          "http2-settings",
                                                          "x-real-ip",
                                                          "x-original-url",
                                                          "x-original-host",
                                                          "x-rewrite-url",
                                                          "x-host",
                                                          "x-http-method",
                                                          "x-http-method-override",
                                                          "x-method-override",
                                                          "alt-used"};
constexpr std::array<std::string_view, 3> kOwnStarts = {"x-forwarded-", "proxy-", "sec-websocket-"};

/// Headers by which a client would be somebody else than the gateway makes it.
constexpr std::array<std::string_view, 8> kSecretParts = {
    "authorization", "cookie", "token", "secret", "password", "credential", "api-key", "apikey"};

bool is_header_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_own_header(std::string_view name) {
  return std::find(kOwnHeaders.begin(), kOwnHeaders.end(), name) != kOwnHeaders.end() ||
         std::any_of(kOwnStarts.begin(), kOwnStarts.end(),
                     [name](std::string_view start) { return name.starts_with(start); });
}

}  // namespace

Complaint check_addresses(std::string_view text) {
  const auto network = Cidr::parse(text);
  if (!network.ok()) {
    return "is no network: " + shown(text) +
           "; write it like \"10.20.0.0/16\" or \"fd00::/8\", with nothing behind its prefix";
  }
  for (const std::string_view each : kMayBeMeant) {
    const auto meant = Cidr::parse(each);
    if (meant.ok() && meant.value().holds(network.value())) return std::nullopt;
  }
  return shown(text) +
         " is no private network; public addresses need no line, and no rule leads to others";
}

Complaint check_preset(std::string_view text) {
  if (text == model::kGitFetch || text == model::kGitPush) return std::nullopt;
  return "= " + shown(text) + " is unknown; write one of \"git-fetch\", \"git-push\"";
}

Complaint check_git_path(std::string_view text) {
  if (auto complaint = check_http_path(text)) return complaint;
  const std::string start = "is no repository: " + shown(text) + "; ";
  if (text.find('*') != std::string_view::npos) return start + "name one; no *";
  if (text.ends_with("/")) return start + "name it without a last /";
  if (text.ends_with(".git")) return start + "leave .git out: it is meant with and without";
  return std::nullopt;
}

Complaint check_ref_pattern(std::string_view text) {
  const std::string start = "is no pattern of refs: " + shown(text) + "; ";
  if (text.size() > 255) return start + "at most 255 bytes";
  std::string plain;
  std::string_view rest = text;
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const bool any = part == "*" || (part == "**" && last);
    if (!any && part.find('*') != std::string_view::npos) {
      return start + "* stands for a whole component, ** only at the end";
    }
    plain += any ? "x" : std::string(part);
    if (last) break;
    plain += '/';
    rest.remove_prefix(slash + 1);
  }
  const bool good = plain.starts_with("refs/") && plain.find('{') == std::string::npos;
  if (good && !check_ref(plain)) return std::nullopt;
  return start + "write it like \"refs/heads/contrib/*\"";
}

Complaint check_header(std::string_view text) {
  if (!is_header_name(text)) {
    return "is no header: " + shown(text) + "; write its name in lower case, like \"x-request-id\"";
  }
  const bool secret = std::any_of(
      kSecretParts.begin(), kSecretParts.end(),
      [text](std::string_view part) { return text.find(part) != std::string_view::npos; });
  if (!secret && !is_own_header(text)) return std::nullopt;
  return shown(text) + (secret ? " can say who asks: that is the gateway's; write a [[credential]]"
                               : " is the gateway's own or never passes; take it out");
}

Complaint check_inject(std::string_view text) {
  if (!is_header_name(text)) {
    return "is no way to put a secret in: " + shown(text) +
           "; write \"bearer\", \"basic\" or a header's name in lower case";
  }
  if (is_own_header(text)) return shown(text) + " is a header of the connection; name another";
  return std::nullopt;
}

Complaint check_user(std::string_view text) {
  if (auto complaint = check_reason(text)) return complaint;
  if (text.size() > 255) return "is longer than 255 bytes; shorten it";
  if (text.find(':') == std::string_view::npos) return std::nullopt;
  return "has a colon, which ends the user of a basic credential";
}

}  // namespace carrel::parse
