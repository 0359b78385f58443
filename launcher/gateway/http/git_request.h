#pragma once
// What a request to a git repository is, by method, path and query (git's http-protocol(5)): the
// presets git-fetch and git-push are decided by this and by the bodies (git_fetch.h, git_push.h).
// Pure.

#include <optional>
#include <string_view>

#include "launcher/gateway/http/head.h"
#include "launcher/gateway/http/target.h"

namespace carrel::gateway::http {

enum class GitStep {
  kNone,           // not of this repository
  kDiscoverFetch,  // GET info/refs?service=git-upload-pack
  kDiscoverPush,   // GET info/refs?service=git-receive-pack
  kFetch,          // POST git-upload-pack
  kPush,           // POST git-receive-pack
  kDumb,           // files of the repository, as servers without smart HTTP give them
  kLfs,            // info/lfs/…
  kOther,          // anything else below the repository
};

/// `repository` as a rule has it: "/acme/widgets", with or without .git at its end; both spellings
/// are its own in requests, and no other one (no slash at the end, no other case, no .wiki).
GitStep git_step(std::string_view repository, std::string_view method, const Target& target);

/// Which version of the protocol the client asks the host for: the value of Git-Protocol that
/// passes (headers.h), 0 without.
int git_version(const Headers& headers);

/// Nothing: the step is the preset's ("git-fetch", "git-push", which may fetch too), and its
/// request has the right content type and an encoding that can be looked into. Reasons:
/// "git-push-denied", "git-dumb", "git-lfs", "git-request", "git-type", "git-encoding".
std::optional<Refusal> check_git(std::string_view preset, GitStep step, const RequestHead& head);

}  // namespace carrel::gateway::http
