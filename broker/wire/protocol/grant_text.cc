#include "broker/wire/protocol/grant_text.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "profiles/base/rfc3339.h"
#include "profiles/base/text.h"

namespace carrel::protocol {
namespace {

constexpr size_t kMaxId = 8;
constexpr size_t kMaxHost = 253;
constexpr size_t kMaxName = 64;      // of a credential
constexpr size_t kMaxOrigin = 1024;  // its audience, or where it is taken from
constexpr size_t kMaxUsers = 64;
constexpr size_t kMostUsersShown = 16;

std::string_view mode_words(const std::string& mode) {
  if (mode == "inspect")
    return "every request is read, and each passes: uploads and git pushes, too";
  if (mode == "passthrough") return "TLS with this name; nobody reads it";
  if (mode == "tcp") return "any bytes; nobody reads them";
  return "";
}

std::string_view kind_words(const std::string& kind) {
  if (kind == "header") return "the gateway puts it into requests; it is never inside";
  if (kind == "x509") return "the gateway shows it to servers; it is never inside";
  if (kind == "jwt") return "a token in a file inside";
  if (kind == "file") return "the secret itself, in a file inside";
  return "";
}

bool is_id(const std::string& id) {
  return !id.empty() && id.size() <= kMaxId && id.front() != '0' &&
         id.find_first_not_of("0123456789") == std::string::npos;
}

bool is_host(const std::string& host) {
  return !host.empty() && host.size() <= kMaxHost && host.front() != '.' && host.front() != '-' &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

bool is_network(const GrantRequest& request) {
  const bool puts_in = !request.puts_in().empty();
  if (puts_in && (request.mode() != "inspect" || !is_name(request.puts_in()))) return false;
  return is_host(request.host()) && request.port() >= 1 && request.port() <= UINT16_MAX &&
         !mode_words(request.mode()).empty() && request.kind().empty() &&
         request.audience().empty() && request.from().empty() && request.used_by().empty();
}

bool is_credential(const GrantRequest& request) {
  const bool is_token = request.kind() == "jwt";
  const std::string& origin = is_token ? request.audience() : request.from();
  const std::string& other = is_token ? request.from() : request.audience();
  return is_name(request.credential()) && !kind_words(request.kind()).empty() && !origin.empty() &&
         origin.size() <= kMaxOrigin && other.empty() && request.host().empty() &&
         request.port() == 0 && request.mode().empty() && request.puts_in().empty() &&
         request.used_by_size() <= static_cast<int>(kMaxUsers) &&
         std::all_of(request.used_by().begin(), request.used_by().end(), is_host);
}

/// "a.example, b.example and 3 more".
std::string users_text(const GrantRequest& request) {
  std::string text;
  const size_t all = static_cast<size_t>(request.used_by_size());
  for (size_t i = 0; i < std::min(all, kMostUsersShown); ++i)
    text += (i == 0 ? "" : ", ") + quoted(request.used_by(static_cast<int>(i)));
  if (all > kMostUsersShown) text += " and " + std::to_string(all - kMostUsersShown) + " more";
  return text.empty() ? "no rule of the network" : text;
}

bool is_reason(const std::string& reason) {
  return !reason.empty() && reason.size() <= kMaxGrantReason &&
         reason.find_first_of(std::string_view("\n\r\0", 3)) == std::string::npos;
}

}  // namespace

std::string grant_text(const std::string& session, const std::string& person,
                       const std::string& task, const GrantRequest& request) {
  std::string text = "carrel grant 1\n";
  const auto line = [&text](std::string_view key, const std::string& value) {
    text += std::string(key) + ": " + value + "\n";
  };
  line("session", quoted(session));
  line("request", quoted(request.id()));
  line("person", quoted(person));
  line("task", quoted(task));
  if (is_for_credential(request)) {
    line("credential", quoted(request.credential()));
    line("kind", quoted(request.kind()) + " (" + std::string(kind_words(request.kind())) + ")");
    if (!request.audience().empty()) line("audience", quoted(request.audience()));
    if (!request.from().empty()) line("from", quoted(request.from()));
    line("used by", users_text(request));
  } else {
    line("network", quoted(request.host()));
    line("port", std::to_string(request.port()));
    line("mode", quoted(request.mode()) + " (" + std::string(mode_words(request.mode())) + ")");
    if (!request.puts_in().empty())
      line("puts in", "credential " + quoted(request.puts_in()) + ", into each of these requests");
  }
  line("reason", quoted(request.reason()));
  line("until", to_rfc3339(request.until_ns()));
  return text;
}

Status check_grant_request(const GrantRequest& request) {
  const bool known = is_for_credential(request) ? is_credential(request) : is_network(request);
  const bool good =
      known && is_id(request.id()) && is_reason(request.reason()) && request.until_ns() != 0;
  if (!good) return Error{"no request for a grant", EPROTO};
  return Done{};
}

}  // namespace carrel::protocol
