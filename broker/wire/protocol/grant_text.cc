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

std::string_view mode_words(const std::string& mode) {
  if (mode == "inspect") return "the gateway reads every request and lets each pass";
  if (mode == "passthrough") return "TLS with this name; nobody reads it";
  if (mode == "tcp") return "any bytes; nobody reads them";
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
  line("network", quoted(request.host()));
  line("port", std::to_string(request.port()));
  line("mode", quoted(request.mode()) + " (" + std::string(mode_words(request.mode())) + ")");
  line("reason", quoted(request.reason()));
  line("until", to_rfc3339(request.until_ns()));
  return text;
}

Status check_grant_request(const GrantRequest& request) {
  const bool good = is_id(request.id()) && is_host(request.host()) && request.port() >= 1 &&
                    request.port() <= UINT16_MAX && !mode_words(request.mode()).empty() &&
                    is_reason(request.reason()) && request.until_ns() != 0;
  if (!good) return Error{"no request for a grant", EPROTO};
  return Done{};
}

}  // namespace carrel::protocol
