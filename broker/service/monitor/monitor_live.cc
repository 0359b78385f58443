// What the launcher asks, and the sessions that it has begun.

#include <cerrno>
#include <optional>

#include "broker/service/monitor/monitor.h"
#include "profiles/base/text.h"

namespace carrel::monitor {
namespace {

using protocol::Message;
using protocol::Type;

// Exit codes of interfaces.md 1.
constexpr uint32_t kNotGranted = 121;
constexpr uint32_t kBroken = 123;

constexpr size_t kMaxConfirmed = 256;

}  // namespace

// ---- the launcher ------------------------------------------------------------------------------

Monitor::LauncherAnswer Monitor::answer_launcher(Message message) {
  switch (message.type) {
    case Type::kConfirmTicket:
      return {confirm(message), "", UniqueFd()};
    case Type::kSessionStart:
      return start(std::move(message));
    case Type::kConfirmEnd:
      return {confirm_end(message), "", UniqueFd()};
    case Type::kWorkspaceErased:
      return {erased(message), "", UniqueFd()};
    case Type::kDueRequest:
      return {due(), "", UniqueFd()};
    case Type::kSessionGone:
      return {gone(message), "", UniqueFd()};
    default:
      return {failure(kBroken, "the broker does not know this message"), "", UniqueFd()};
  }
}

Reply Monitor::confirm(const Message& message) {
  const auto request = protocol::parse_message<protocol::ConfirmTicket>(message);
  if (!request.ok()) return failure(kBroken, request.error().what);
  auto granted =
      tickets_.redeem(request.value().ticket(), request.value().peer_uid(), parts_.world.now_ns());
  if (!granted.ok()) return failure(kNotGranted, granted.error().what);
  // A launcher that confirms and never starts: ids are made of the time, so the first is the
  // oldest.
  if (confirmed_.size() >= kMaxConfirmed) confirmed_.erase(confirmed_.begin());
  Granted taken = granted.take();
  Reply reply = reply_with(Type::kSessionSpec, taken.spec);
  confirmed_[taken.row.session] = std::move(taken);
  return reply;
}

Monitor::LauncherAnswer Monitor::start(Message message) {
  const auto request = protocol::parse_message<protocol::SessionStart>(message);
  if (!request.ok() || message.fds.size() != 1) {
    return {failure(kBroken, "malformed start of a session"), "", UniqueFd()};
  }
  const Status made = make_live(request.value());
  if (!made.ok()) {
    parts_.log("session.refused session=" + quoted(request.value().session()) +
               " why=" + quoted(to_string(made.error())));
    return {failure(kBroken, to_string(made.error())), "", UniqueFd()};
  }
  parts_.log("session.started session=" + request.value().session());
  return {Reply{Type::kAck, "", {}}, request.value().session(), std::move(message.fds[0])};
}

Status Monitor::make_live(const protocol::SessionStart& start) {
  if (start.host().size() > 255 || (start.mode() != "root" && start.mode() != "rootless")) {
    return Error{"malformed start of a session", EPROTO};
  }
  if (live_.size() >= kMaxLiveSessions) return Error{"too many sessions at once", EAGAIN};
  const auto found = confirmed_.find(start.session());
  if (found == confirmed_.end()) return Error{"no ticket was confirmed for this session", EPERM};
  Granted granted = std::move(found->second);
  confirmed_.erase(found);
  if (const store::SessionRow* running = running_at(granted.row.workspace)) {
    return Error{
        "session " + running->session + " has begun at this workspace; open it again to attach",
        EBUSY};
  }
  // Its task may have been ended since the ticket was given.
  ASSIGN_OR_RETURN(const std::optional<store::Workspace> workspace,
                   parts_.catalogue.workspace(granted.row.workspace));
  if (!workspace.has_value() || workspace->ended_ns != 0) {
    return Error{"the workspace has ended", EPERM};
  }
  granted.row.host = quoted(start.host());
  granted.row.mode = start.mode();
  granted.row.started_ns = parts_.world.now_ns();
  ASSIGN_OR_RETURN(auto record, parts_.records.create(granted.row.session));
  RETURN_IF_ERROR(parts_.catalogue.put_session(granted.row));
  live_[start.session()] = std::make_unique<LiveSession>(
      std::move(granted.row), std::move(granted.holder), std::move(record), tools_);
  return Done{};
}

Reply Monitor::gone(const Message& message) {
  const auto request = protocol::parse_message<protocol::SessionGone>(message);
  if (!request.ok()) return failure(kBroken, request.error().what);
  end_session(request.value().session(), "gone: " + request.value().how());
  return Reply{Type::kAck, "", {}};
}

// ---- live sessions -----------------------------------------------------------------------------

Result<std::vector<Reply>> Monitor::take_from_session(const std::string& session,
                                                      const Message& message) {
  const auto found = live_.find(session);
  if (found == live_.end()) return Error{"no such session lives", EPIPE};
  Result<std::vector<Reply>> replies = found->second->take(message);
  for (LiveSession::SecretAsk& ask : found->second->take_asks())
    secrets_.ask({session, std::move(ask.credential)}, ask.from, parts_.world.now_ns());
  return replies;
}

void Monitor::take_secret(uint64_t id, const Result<Secret>& value) {
  const std::optional<SecretDesk::Asker> asker = secrets_.answered(id);
  if (!asker.has_value()) return;
  const auto found = live_.find(asker->session);
  if (found == live_.end()) return;
  if (!value.ok()) {
    parts_.log("secret.refused session=" + asker->session + " credential=" +
               quoted(asker->credential) + " why=" + quoted(to_string(value.error())));
  }
  std::optional<Reply> reply = found->second->take_secret(asker->credential, value);
  if (reply.has_value()) told_.push_back({asker->session, std::move(*reply)});
}

void Monitor::refuse_secrets(const Error& why, bool all) {
  for (const uint64_t id : secrets_.overdue(parts_.world.now_ns(), all))
    take_secret(id, why);
}

void Monitor::end_session(const std::string& session, const std::string& why) {
  const auto found = live_.find(session);
  if (found == live_.end()) return;
  const store::SessionRow row = found->second->end();
  live_.erase(found);
  secrets_.forget(session);
  parts_.log("session.ended session=" + session +
             " state=" + std::string(store::to_word(row.state)) + " by=" + row.end_by +
             " events=" + std::to_string(row.events) + " why=" + quoted(why));
  save(row);
}

void Monitor::save(const store::SessionRow& row) {
  unsaved_[row.session] = row;
  std::erase_if(unsaved_, [this](const auto& each) {
    const Status saved = parts_.catalogue.put_session(each.second);
    if (!saved.ok()) {
      parts_.log("catalogue.failed session=" + each.first +
                 " why=" + quoted(to_string(saved.error())));
    }
    return saved.ok();
  });
}

}  // namespace carrel::monitor
