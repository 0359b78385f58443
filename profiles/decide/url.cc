// What would become of a URL. A reader of our own: Boost.URL 1.81 takes "a.example:443x/" for port
// 443 with path "x/", and its port_number() wraps; its code would also be in every session.

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "profiles/base/text.h"
#include "profiles/decide/git_requests.h"
#include "profiles/decide/network.h"
#include "profiles/decide/pattern.h"
#include "profiles/model/words.h"
#include <boost/url/src.hpp>

namespace carrel::decide {
namespace {

using model::HttpRule;
using model::NetworkMode;

struct Scheme {
  std::string_view name;
  uint16_t port;
  bool http;
};
constexpr std::array<Scheme, 6> kSchemes = {{{"http", 80, true},
                                             {"https", 443, true},
                                             {"ws", 80, true},
                                             {"wss", 443, true},
                                             {"ssh", 22, false},
                                             {"git", 9418, false}}};

struct Target {
  std::string scheme;  // in lower case
  std::string host;    // the same, without a last dot
  uint16_t port = 0;
  std::string path;  // of http: at least "/"
  bool has_query = false;
  bool is_address = false;
  bool is_http = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

std::string shown(std::string_view text) {
  return '"' + quoted(text.substr(0, 200)) + '"';
}

/// What a profile can name: labels of letters, digits and -, the last of them no number.
bool is_name(std::string_view host) {
  bool good = !host.empty() && host.size() <= 253;
  std::string_view label;
  while (good) {
    const size_t dot = host.find('.');
    label = host.substr(0, dot);
    good = !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
    if (dot == std::string_view::npos) break;
    host.remove_prefix(dot + 1);
  }
  return good && label.find_first_not_of("0123456789") != std::string_view::npos;
}

/// "%2F", which a rule may let stand within a component, as a slash.
std::string without_escaped_slashes(std::string path) {
  for (size_t at = path.find("%2F"); at != std::string::npos; at = path.find("%2F", at))
    path.replace(at, 3, "/");
  return path;
}

/// Whether the path is one that the gateway would send as it is.
bool is_canonical(const std::string& text) {
  const std::string plain = without_escaped_slashes(text);
  std::string_view path = plain;
  if (text.ends_with("%2F")) return false;
  if (path.find_first_of("%;\\") != std::string_view::npos) return false;
  if (path.find("//") != std::string_view::npos) return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

Error no_url(std::string_view text) {
  return Error{shown(text) + " is no URL; write it like \"https://registry.example.org/v2/\""};
}

/// RFC 3986 2: what a URL may consist of, escapes left alone.
bool has_url_bytes_only(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
  });
}

bool is_scheme(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !text.empty() && is_letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [&is_letter](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

Result<uint16_t> read_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error == std::errc() && end == text.data() + text.size() && port != 0) return port;
  return Error{shown(text) + " is no port; write one of 1 to 65535"};
}

bool is_address(int family, const std::string& text) {
  std::array<uint8_t, 16> bytes{};
  return inet_pton(family, text.c_str(), bytes.data()) == 1;
}

/// [address] or host, then perhaps :port (RFC 3986 3.2.2, 3.2.3).
Status read_place(std::string_view text, Target& target) {
  const bool bracketed = text.starts_with('[');
  const size_t close = bracketed ? text.find(']') : 0;
  if (close == std::string_view::npos) return Error{shown(text) + " is no host; a ] is missing"};
  const size_t colon = text.find(':', close);
  if (bracketed && colon != close + 1 && close + 1 != text.size())
    return Error{shown(text) + " is no host; only a port may follow ]"};
  if (colon != std::string_view::npos) {
    ASSIGN_OR_RETURN(target.port, read_port(text.substr(colon + 1)));
  }
  target.host = lower(bracketed ? text.substr(1, close - 1) : text.substr(0, colon));
  target.is_address = is_address(bracketed ? AF_INET6 : AF_INET, target.host);
  if (target.is_address) return Done{};
  if (target.host.ends_with('.')) target.host.pop_back();
  if (!bracketed && is_name(target.host)) return Done{};
  return Error{shown(target.host) + " is no host that a profile could name; write its DNS name"};
}

Result<Target> read_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return Error{"the URL is longer than " + std::to_string(kMaxUrlBytes) + " bytes"};
  }
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || !has_url_bytes_only(text)) return no_url(text);
  Target target;
  target.scheme = lower(text.substr(0, colon));
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t end = rest.find_first_of("/?");
  std::string_view place = rest.substr(0, end);
  target.has_query = rest.find('?') != std::string_view::npos;
  if (end != std::string_view::npos) target.path = rest.substr(end, rest.find('?') - end);
  if (!is_scheme(target.scheme) || place.empty()) return no_url(text);
  const auto* known = std::find_if(kSchemes.begin(), kSchemes.end(), [&target](const Scheme& one) {
    return one.name == target.scheme;
  });
  target.is_http = known != kSchemes.end() && known->http;
  target.port = known == kSchemes.end() ? uint16_t{0} : known->port;
  if (const size_t at = place.rfind('@'); at != std::string_view::npos) {
    if (target.is_http)
      return Error{"a name or secret in a URL is never sent; the gateway puts credentials in"};
    place.remove_prefix(at + 1);
  }
  RETURN_IF_ERROR(read_place(place, target));
  if (target.port == 0) return Error{"the port is not said; write it behind the host, like :8443"};
  if (target.path.empty()) target.path = "/";
  for (size_t at = target.path.find("%2f"); at != std::string::npos;
       at = target.path.find("%2f", at))
    target.path[at + 2] = 'F';
  if (target.is_http && !is_canonical(target.path)) {
    return Error{"the path " + shown(target.path) +
                 " has escapes, ;, //, . or ..; write it as it is without them"};
  }
  return target;
}

/// Whether a rule says something of this path: itself, or its repository and what git asks there.
bool speaks_of(const HttpRule& rule, const Target& target) {
  const bool upgrades = target.scheme == "ws" || target.scheme == "wss";
  if (upgrades && !rule.upgrade) return false;
  if (!rule.escaped_slash && target.path.find("%2F") != std::string::npos) return false;
  if (rule.preset.empty()) return matches_path(rule.path, target.path);
  for (const std::string& base : {rule.repository, rule.repository + ".git"}) {
    if (target.path == base || target.path == base + "/info/refs" ||
        target.path == base + "/git-upload-pack")
      return true;
    if (rule.preset == model::kGitPush && target.path == base + "/git-receive-pack") return true;
  }
  return false;
}

std::string host_of(const Target& target) {
  return '"' + quoted(target.host) + '"';
}

/// Where requests are read; `every`: what no rule lets pass is granted.
UrlAnswer answer_request(const model::Network& network, const Target& target, bool every,
                         UrlAnswer answer) {
  const bool upgrades = target.scheme == "ws" || target.scheme == "wss";
  const bool escaped = target.path.find("%2F") != std::string::npos;
  if (!upgrades && (every || (network.http.empty() && !escaped))) {
    answer.words = "Every request to " + host_of(target) + " passes, as the gateway reads it.";
    return answer;
  }
  const bool presets_only =
      has_git_preset(network) && is_git_request(target.path, target.has_query);
  for (const HttpRule& rule : network.http) {
    if (presets_only && rule.preset.empty()) continue;
    if (speaks_of(rule, target)) answer.passes.push_back(requests_of(rule));
  }
  if (!answer.passes.empty()) {
    answer.words = "The gateway reads requests to " + host_of(target) + " and lets these pass.";
    return answer;
  }
  answer.verdict = Verdict::kDenied;
  answer.words = "No rule of " + host_of(target) + " lets " +
                 (upgrades ? "a websocket at " : "a request for ") + shown(target.path) + " pass.";
  for (const HttpRule& rule : network.http)
    answer.passes.push_back(requests_of(rule));
  // No grant lets a websocket pass: nobody reads its bytes.
  if (!upgrades) answer.request = request_line(target.host, target.port);
  return answer;
}

/// The kind of traffic that the mode of a table does not let through; no request can change it.
UrlAnswer wrong_kind(std::string_view only, const Target& target, UrlAnswer answer) {
  answer.verdict = Verdict::kDenied;
  answer.words = "Port " + std::to_string(target.port) + " of " + host_of(target) +
                 " is granted for " + std::string(only) + "; " + quoted(target.scheme) +
                 " is cut there. mode in its [[network]] table says so.";
  return answer;
}

UrlAnswer answer_granted(const model::Network& network, const Target& target, bool every,
                         UrlAnswer answer) {
  switch (network.mode) {
    case NetworkMode::kInspect:
      if (!target.is_http) return wrong_kind("HTTP, which the gateway reads", target, answer);
      return answer_request(network, target, every, std::move(answer));
    case NetworkMode::kPassthrough:
      if (target.scheme == "http" || target.scheme == "ws" || target.scheme == "ssh" ||
          target.scheme == "git")
        return wrong_kind("TLS with its own name", target, answer);
      answer.words = "TLS to " + host_of(target) + " passes as it is; nobody reads it.";
      return answer;
    case NetworkMode::kSsh:
      if (target.scheme != "ssh") return wrong_kind("ssh", target, answer);
      answer.words = "ssh to " + host_of(target) + " passes where the host has its known key.";
      return answer;
    case NetworkMode::kTcp:
      answer.words = "Any bytes to " + host_of(target) + " pass; nobody reads them.";
      return answer;
  }
  return answer;
}

}  // namespace

Result<UrlAnswer> foresee_url(const model::Profile& profile, std::string_view url, Grants grants) {
  ASSIGN_OR_RETURN(const Target target, read_url(url));
  UrlAnswer answer;
  if (target.is_address) {
    const NetworkDecision decision = decide_destination(target.host, target.port);
    answer.rule = decision.rule;
    answer.words = "Addresses are never reached, only names that a [[network]] table grants.";
    return answer;
  }
  const NetworkDecision decision = decide_flow(profile, target.host, target.port, grants);
  answer.verdict = decision.verdict;
  answer.rule = decision.rule;
  if (decision.verdict == Verdict::kAllowed) {
    const bool every = passes_every_request(grants, target.host, target.port);
    answer = answer_granted(*decision.network, target, every, std::move(answer));
    if (answer.verdict == Verdict::kAllowed) {
      answer.credential = credential_on_request(profile, *decision.network);
    }
    return answer;
  }
  answer.words = words_of(profile, decision);
  answer.request = request_line(target.host, target.port);
  return answer;
}

}  // namespace carrel::decide
