// Heads of requests: what is taken ends where it says, needs all of its bytes, and is taken again
// as the same request in the form in which it is sent; what was decided of it is decided again.

#include "launcher/gateway/http/denial.h"
#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/policy.h"
#include "launcher/gateway/http/write.h"
#include "profiles/decide/pattern.h"
#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway::http;

const Origin kOrigin{"git.example.org", 443, true};

RuleView rule(std::vector<std::string> methods, const std::string& path) {
  RuleView out;
  out.methods = std::move(methods);
  out.path = path;
  return out;
}

NetworkView some_rules() {
  RuleView upload = rule({"POST"}, "/up/**");
  upload.max_body = 100;
  upload.headers = {"x-one"};
  RuleView socket = rule({"GET"}, "/ws");
  socket.upgrade = true;
  RuleView push;
  push.preset = "git-push";
  push.repository = "/acme/widgets";
  push.refs = {"refs/heads/*"};
  NetworkView network;
  network.rules = {rule({"GET", "HEAD"}, "/a/*/c"), upload, socket, push};
  return network;
}

void check_path(const std::string& path) {
  MUST(path.starts_with('/') && path.find("//") == std::string::npos);
  MUST((path + "/").find("/../") == std::string::npos &&
       (path + "/").find("/./") == std::string::npos);
  MUST(path.find_first_of(";\\#? \r\n") == std::string::npos);
  MUST(std::get<std::string>(read_path(path)) == path);
}

/// As it is sent, and read by the next server.
RequestHead sent_and_read(const RequestHead& head, const Target& target,
                          const RequestFilter& filter) {
  const auto filtered = filter_request(head, filter);
  const auto bytes = write_request_head({.method = head.method,
                                         .target = target,
                                         .origin = kOrigin,
                                         .headers = filtered.headers,
                                         .body = head.body});
  const auto read = read_request_head(bytes.expose());
  MUST(std::holds_alternative<RequestHead>(read));
  const auto& again = std::get<RequestHead>(read);
  MUST(again.size == bytes.expose().size() && again.method == head.method);
  MUST(filter_request(again, filter).headers == filtered.headers);
  for (const Header& each : filtered.headers)
    MUST(!never_passes(each.name));
  return again;
}

void check_decision(const RequestHead& head, const Target& target) {
  static const NetworkView kRules = some_rules();
  const auto decision = decide(kRules, head, target);
  if (const auto* denied = std::get_if<Denied>(&decision)) {
    Denial denial{denied->refusal, "network.git.example.org", "p.toml", 3, 7, "carrel request"};
    const auto answer = read_response_head(write_denial(denial, {}), {head.method});
    MUST(std::holds_alternative<ResponseHead>(answer));
    MUST(std::get<ResponseHead>(answer).status == denied->refusal.status);
    return;
  }
  const auto& allowed = std::get<Allowed>(decision);
  const RuleView& rule = kRules.rules.at(allowed.rule.index.value());
  MUST(!rule.preset.empty() || carrel::decide::matches_path(rule.path, target.path));
  if (head.body.framing == Framing::kLength) MUST(head.body.length <= allowed.max_body);
  const RequestHead again = sent_and_read(head, target, {.extra = rule.headers});
  const auto decided_again = decide(kRules, again, target);
  MUST(std::holds_alternative<Allowed>(decided_again));
  MUST(std::get<Allowed>(decided_again).rule == allowed.rule);
}

}  // namespace

FUZZ_TARGET(http_request) {
  const auto read = read_request_head(input);
  const auto* head = std::get_if<RequestHead>(&read);
  if (head == nullptr) return;
  MUST(head->size <= input.size() && input.substr(head->size - 4, 4) == "\r\n\r\n");
  MUST(std::holds_alternative<NeedMore>(read_request_head(input.substr(0, head->size - 1))));
  MUST(head->headers.size() <= kMaxHeaders && head->size <= kMaxRequestHead);
  const auto where = read_target(*head, kOrigin);
  const auto* target = std::get_if<Target>(&where);
  if (target == nullptr) return;
  check_path(target->path);
  const RequestHead again = sent_and_read(*head, *target, {});
  MUST(std::get<Target>(read_target(again, kOrigin)) == *target);
  if (head->body.framing != Framing::kNone) MUST(again.body == head->body);
  check_decision(*head, *target);
}
