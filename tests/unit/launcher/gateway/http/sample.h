#pragma once
// Requests and answers of these tests: parsed, or a failed test.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

#include "launcher/gateway/http/head.h"
#include "launcher/gateway/http/target.h"

namespace carrel::gateway::http {

inline const Origin kOrigin{"git.example.org", 443, true};

/// "GET / HTTP/1.1" and its fields, each with CRLF, and the empty line.
inline std::string message(std::string_view start, const std::vector<std::string>& fields = {}) {
  std::string out = std::string(start) + "\r\n";
  for (const std::string& field : fields)
    out += field + "\r\n";
  return out + "\r\n";
}

inline RequestHead request(std::string_view start, const std::vector<std::string>& fields = {}) {
  const auto read = read_request_head(message(start, fields));
  EXPECT_TRUE(std::holds_alternative<RequestHead>(read)) << start;
  const auto* head = std::get_if<RequestHead>(&read);
  return head == nullptr ? RequestHead{} : *head;
}

inline ResponseHead response(std::string_view start, const std::vector<std::string>& fields = {},
                             const Asked& asked = {"GET"}) {
  const auto read = read_response_head(message(start, fields), asked);
  EXPECT_TRUE(std::holds_alternative<ResponseHead>(read)) << start;
  const auto* head = std::get_if<ResponseHead>(&read);
  return head == nullptr ? ResponseHead{} : *head;
}

/// "more", "ok", or the status and reason of a refusal.
template <typename... Kinds>
std::string outcome(const std::variant<Kinds...>& read) {
  if constexpr ((std::is_same_v<Kinds, NeedMore> || ...)) {
    if (std::holds_alternative<NeedMore>(read)) return "more";
  }
  const auto* refusal = std::get_if<Refusal>(&read);
  if (refusal == nullptr) return "ok";
  EXPECT_FALSE(refusal->why.empty());
  return std::to_string(refusal->status) + " " + std::string(refusal->reason);
}

}  // namespace carrel::gateway::http
