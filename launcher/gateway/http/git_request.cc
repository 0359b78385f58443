#include "launcher/gateway/http/git_request.h"

#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

/// The path behind the repository ("/info/refs"), or nothing when it is not the repository's.
std::optional<std::string_view> below(std::string_view repository, std::string_view path) {
  if (repository.ends_with(".git")) repository.remove_suffix(4);
  if (repository.size() < 2 || !path.starts_with(repository)) return std::nullopt;
  path.remove_prefix(repository.size());
  if (path.starts_with(".git/")) path.remove_prefix(4);
  if (!path.starts_with('/')) return std::nullopt;
  return path;
}

GitStep discovery(std::string_view method, const Target& target) {
  if (!target.has_query) return GitStep::kDumb;
  if (method != "GET") return GitStep::kOther;
  if (target.query == "service=git-upload-pack") return GitStep::kDiscoverFetch;
  if (target.query == "service=git-receive-pack") return GitStep::kDiscoverPush;
  return GitStep::kOther;
}

std::optional<Refusal> check_body_kind(std::string_view service, bool may_be_gzip,
                                       const RequestHead& head) {
  const std::string wanted = "application/x-git-" + std::string(service) + "-request";
  const std::string* type = value_of(head.headers, "content-type");
  if (type == nullptr || !same_ignoring_case(*type, wanted))
    return Refusal{403, "git-type", "the content type is not " + wanted};
  const std::string* encoding = value_of(head.headers, "content-encoding");
  if (encoding == nullptr || (may_be_gzip && same_ignoring_case(*encoding, "gzip")))
    return std::nullopt;
  return Refusal{403, "git-encoding", "the body's encoding cannot be looked into"};
}

}  // namespace

GitStep git_step(std::string_view repository, std::string_view method, const Target& target) {
  const auto rest = below(repository, target.path);
  if (!rest) return GitStep::kNone;
  if (*rest == "/info/refs") return discovery(method, target);
  if (rest->starts_with("/info/lfs/")) return GitStep::kLfs;
  const bool is_post = method == "POST" && !target.has_query;
  if (*rest == "/git-upload-pack") return is_post ? GitStep::kFetch : GitStep::kOther;
  if (*rest == "/git-receive-pack") return is_post ? GitStep::kPush : GitStep::kOther;
  if (*rest == "/HEAD" || rest->starts_with("/objects/")) return GitStep::kDumb;
  return GitStep::kOther;
}

int git_version(const Headers& headers) {
  const std::string* value = value_of(headers, "git-protocol");
  if (value == nullptr) return 0;
  if (*value == "version=2") return 2;
  return *value == "version=1" ? 1 : 0;
}

std::optional<Refusal> check_git(std::string_view preset, GitStep step, const RequestHead& head) {
  const bool may_push = preset == "git-push";
  if (!may_push && preset != "git-fetch")
    return Refusal{403, "git-request", "the rule's preset is not known to this gateway"};
  switch (step) {
    case GitStep::kDiscoverFetch:
      return std::nullopt;
    case GitStep::kFetch:
      return check_body_kind("upload-pack", true, head);
    case GitStep::kDiscoverPush:
    case GitStep::kPush:
      if (!may_push)
        return Refusal{403, "git-push-denied", "this repository may be fetched, not pushed to"};
      if (step == GitStep::kDiscoverPush) return std::nullopt;
      return check_body_kind("receive-pack", false, head);
    case GitStep::kDumb:
      return Refusal{403, "git-dumb", "only git's smart HTTP protocol passes"};
    case GitStep::kLfs:
      return Refusal{403, "git-lfs", "Git LFS is not supported yet"};
    case GitStep::kNone:
    case GitStep::kOther:
      break;
  }
  return Refusal{403, "git-request", "this is no request of git's fetch or push"};
}

}  // namespace carrel::gateway::http
