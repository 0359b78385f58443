#include "launcher/gateway/http/denial.h"

#include "launcher/gateway/http/write.h"
#include <nlohmann/json.hpp>

namespace carrel::gateway::http {
namespace {

std::string_view error_word(int status) {
  if (status == 403) return "denied";
  return status >= 500 ? "failed" : "refused";
}

/// Where no request for a grant helps.
std::string whom_to_ask(const Denial& denial) {
  std::string text = "No grant changes this: ask whoever grants this task to change " + denial.rule;
  if (!denial.file.empty()) text += ", " + denial.file;
  return text + (denial.line == 0 ? "" : " line " + std::to_string(denial.line)) + ".";
}

}  // namespace

std::string denial_json(const Denial& denial) {
  nlohmann::ordered_json json;
  json["error"] = error_word(denial.refusal.status);
  json["reason"] = denial.refusal.reason;
  json["rule"] = denial.rule;
  json["file"] = denial.file;
  json["line"] = denial.line;
  json["why"] = denial.refusal.why;
  json["flow"] = denial.flow;
  json["request"] = denial.request;
  if (denial.request.empty() && denial.refusal.status < 500) json["ask"] = whom_to_ask(denial);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool shows_text_alone(const RequestHead& request) {
  const std::string* agent = value_of(request.headers, "user-agent");
  const bool is_git = agent != nullptr && agent->starts_with("git/");
  return is_git || value_of(request.headers, "accept") == nullptr;
}

std::string write_denial(const Denial& denial, const DenialTo& to) {
  const std::string body = denial_json(denial);
  const Headers headers = {
      {"content-type", to.as_text ? "text/plain; charset=utf-8" : "application/json"},
      {"cache-control", "no-store"}};
  const std::string head = write_response_head({.status = denial.refusal.status,
                                                .headers = headers,
                                                .body = {Framing::kLength, body.size()},
                                                .declared_length = {},
                                                .keep_alive = to.keep_alive});
  return to.is_head ? head : head + body;
}

}  // namespace carrel::gateway::http
