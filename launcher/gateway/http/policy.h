#pragma once
// May this request pass: the http rules of one [[network]] table and a request in canonical form
// become a rule, or a reason. Nothing passes that no rule grants. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/gateway/http/git_request.h"
#include "launcher/gateway/http/head.h"
#include "launcher/gateway/http/target.h"
#include "profiles/model/profile.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxReadTarget =
    size_t{2} * 1024;  // where a rule has no method with a body

/// What the gateway needs of one rule of network.http.
struct RuleView {
  std::vector<std::string> methods;
  std::string path = "/**";
  std::optional<uint64_t> max_body;
  std::string preset;             // "", "git-fetch" or "git-push": then methods and path are git's
  std::string repository;         // of a preset: the path of the repository on its host
  std::vector<std::string> refs;  // of git-push: globs of the refs that may change
  std::vector<std::string> headers;  // lower-case names that pass besides the ordinary ones
  bool upgrade = false;              // a websocket may be opened
  bool escaped_slash = false;        // "%2F" may stand within a component of the path
  model::SourceLine where;
  bool operator==(const RuleView&) const = default;
};

RuleView view_of(const model::HttpRule& rule);

/// The rules of one [[network]] table; without any, every request of ordinary methods passes.
struct NetworkView {
  std::vector<RuleView> rules;
  model::SourceLine where;
  bool every = false;  // now: what they let not pass is granted, as decide::granted_request()
};
NetworkView view_of(const model::Network& network);

/// Kept where some rule may let one pass.
EscapedSlash escaped_slash_of(const NetworkView& network);

/// The rule behind a decision; none: the [[network]] table as a whole.
struct RulePlace {
  std::optional<size_t> index;
  model::SourceLine where;
  bool operator==(const RulePlace&) const = default;
};

struct Allowed {
  RulePlace rule;
  uint64_t max_body = 0;         // a body of unknown length is cut there
  GitStep git = GitStep::kNone;  // kFetch and kPush: the body is looked at before it passes
  bool upgrade = false;          // the websocket that it asks for may be opened
  bool by_grant = false;  // no rule lets it pass, or not as long a body: it ends with the grant
  /// Of a body of unknown length: so much passes by the rule, more by the grant.
  std::optional<uint64_t> by_grant_after = {};
};

struct Denied {
  Refusal refusal;
  RulePlace rule;  // the one that would have matched, but for its bounds
};

/// A request is allowed by the first rule whose methods and path it matches and whose max_body
/// admits its declared length; of those that match a body of unknown length, by the one that admits
/// most. How long a body may be: profiles/decide/body_limits.h. What looks like a request of git's
/// passes by presets alone where there is one. Where every request is granted, a rule still decides
/// what it lets pass, and its headers pass where only its bounds are in the way. Reasons:
/// "no-rule", "method", "body-too-large" (413), "long-target" (414), "path-escaped-slash" (400),
/// "dns-over-https", and those of check_git() in git_request.h.
std::variant<Denied, Allowed> decide(const NetworkView& network, const RequestHead& head,
                                     const Target& target);

/// Whether no request that its rules grant holds what somebody writes: each is inspected, of the
/// methods GET, HEAD and OPTIONS without a body, or a fetch of git's, and no websocket.
bool only_reads(const model::Network& network);

}  // namespace carrel::gateway::http
