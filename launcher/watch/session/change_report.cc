#include "launcher/watch/session/change_report.h"

#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/tree/touched.h"

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

constexpr size_t kPart = size_t{1} << 20;
/// What one record takes (broker/service/store), less some for what is counted twice.
constexpr size_t kMaxBlobs = 99'000;
constexpr uint64_t kWaitMs = 60'000;

events::Event policy_event(const events::PolicyDisplaced& displaced, const std::string& rule) {
  events::Event event;
  event.rule = rule;
  event.data = displaced;
  return event;
}

}  // namespace

Status ChangeReport::add(const RepositoryInput& repository) {
  tree::Limits limits;
  // Each change may bring two contents.
  limits.max_changes = std::min<uint64_t>(limits.max_changes, (kMaxBlobs - kept_.size()) / 2);
  limits.max_content_total -= std::min(limits.max_content_total, kept_bytes_);
  ASSIGN_OR_RETURN(tree::Scope scope,
                   tree::find_scope(repository.layers(), repository.manifest.get(), limits));
  const tree::Tree tree{"/workspaces/" + repository.name, repository.tree.get(),
                        repository.pristine.get(), &scope.manifest, std::move(scope.within)};
  ASSIGN_OR_RETURN(
      std::vector<events::FileChanged> changes,
      difference_(tree, limits, [&](std::string_view sha256, std::string_view content) {
        return has_room(repository.manifest.get(), content.size())
                   ? keep(sha256, content)
                   : Status(Error{"the host has no room for contents", ENOSPC});
      }));
  for (events::FileChanged& change : changes) {
    const auto displaced = tree::displaced(tree, change);
    events::Event event = judge_.judge_change(std::move(change));
    const std::string rule = event.rule;
    record_.add(std::move(event));
    if (displaced) record_.add(policy_event(*displaced, rule));
    if (record_.full() && !record_.wait(kWaitMs, [this] { return !record_.full(); })) {
      return Error{"the broker does not take the changes"};
    }
  }
  return Done{};
}

/// The record lies on the same disk. Filling it would cost the images on it more than contents that
/// are in the workspace all the same.
bool ChangeReport::has_room(int manifest_fd, uint64_t bytes) const {
  if (must_be_left_ == 0) return true;
  struct statfs about {};
  if (fstatfs(manifest_fd, &about) != 0) return true;
  const uint64_t free = about.f_bavail * static_cast<uint64_t>(about.f_bsize);
  return free >= bytes && free - bytes >= must_be_left_;
}

/// Parts in order, one blob at a time; at least one part, also of an empty file.
Status ChangeReport::keep(std::string_view sha256, std::string_view content) {
  if (kept_.contains(sha256)) return Done{};
  size_t at = 0;
  bool last = false;
  while (!last && !record_.failed()) {
    const std::string_view bytes = content.substr(at, kPart);
    last = at + bytes.size() == content.size();
    protocol::BlobPart part;
    part.set_sha256(std::string(sha256));
    part.set_offset(at);
    part.set_bytes(std::string(bytes));
    part.set_last(last);
    record_.send(Type::kBlobPart, part.SerializeAsString());
    record_.tick();
    if (!record_.wait(kWaitMs, [this] { return !record_.full(); })) break;
    at += bytes.size();
  }
  RETURN_IF_ERROR(wait_stored(sha256));
  kept_.emplace(sha256);
  kept_bytes_ += content.size();
  return Done{};
}

Status ChangeReport::wait_stored(std::string_view sha256) {
  const bool stored = record_.wait(kWaitMs, [this, sha256] {
    const std::vector<Message> answers = record_.take_answers();
    return std::any_of(answers.begin(), answers.end(), [sha256](const Message& answer) {
      return answer.type == Type::kBlobStored && answer.body == sha256;
    });
  });
  if (!stored) return Error{"the broker did not keep a changed file"};
  return Done{};
}

}  // namespace carrel::session
