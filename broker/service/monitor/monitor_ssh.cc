// Which running session somebody may join, and what they need to come to it by ssh.

#include <algorithm>

#include "broker/service/monitor/monitor.h"
#include "broker/service/monitor/rows.h"
#include "broker/service/monitor/task_rules.h"
#include "broker/service/people/standalone.h"
#include "broker/wire/ssh/certificate.h"

namespace carrel::monitor {
namespace {

using people::Action;
using protocol::Message;
using protocol::Type;

// Exit codes of interfaces.md 1.
constexpr uint32_t kUsage = 120;
constexpr uint32_t kNotGranted = 121;
constexpr uint32_t kBroken = 123;

constexpr uint64_t kNsPerS = 1'000'000'000;
// A certificate is needed while a connection begins; the clock of who comes may be a little behind.
constexpr uint64_t kBeforeS = 60;
constexpr uint64_t kAfterS = 300;

/// Why nobody can join it now; "" where they can.
std::string why_not(const store::SessionRow& row, const protocol::SessionState* state) {
  if (state == nullptr || state->ending()) return "session " + row.session + " is ending";
  if (state->paused()) {
    return "session " + row.session + " is paused by " + state->paused_by() +
           ": nothing runs in it until somebody who may says `carrel resume " + row.session + "`";
  }
  return "";
}

bool is_own(const people::Actor& actor, const store::SessionRow& row) {
  return people::may(actor, Action::kOpen, people::local_subject(row.person)).allowed;
}

/// How somebody opens a task: by its name, or where it has no profile of its own by the one that
/// they have. What is not theirs is not told apart from what is not there.
std::string how_to_open(const std::string& task, const std::optional<store::Task>& known,
                        const people::Actor& actor) {
  const bool by_profile = known.has_value() && known->source.empty() && actor.person.has_value() &&
                          std::find(known->people.begin(), known->people.end(), actor.person->id) !=
                              known->people.end();
  return by_profile ? "carrel open --profile FILE"
                    : "carrel open " + task.substr(task.find('/') + 1);
}

}  // namespace

/// The running session that is meant, whosever it is; "last" and a task's are the caller's own.
Result<store::SessionRow> Monitor::find_running(const people::Actor& actor, const SessionName& name,
                                                uint32_t* code) {
  ASSIGN_OR_RETURN(std::vector<store::SessionRow> running, visible_rows(actor));
  std::erase_if(running, [](const store::SessionRow& row) {
    return row.state != store::SessionState::kRunning;
  });
  if (!name.task.empty() || name.session == "last") {
    std::erase_if(running, [&actor](const auto& row) { return !is_own(actor, row); });
  }
  if (name.task.empty()) {
    *code = kNotGranted;
    auto row = find_row(running, name.session);
    return row.ok() ? std::move(row) : Error{row.error().what + " runs"};
  }
  const Result<std::string> task = task_id(name.task);
  if (!task.ok()) {
    *code = kUsage;
    return task.error();
  }
  const auto row = std::find_if(running.begin(), running.end(),
                                [&task](const auto& each) { return each.task == task.value(); });
  if (row != running.end()) return *row;
  ASSIGN_OR_RETURN(const std::optional<store::Task> known, parts_.catalogue.task(task.value()));
  *code = kNotGranted;
  return Error{"no session of task " + task.value() + " runs; open it with `" +
               how_to_open(task.value(), known, actor) + "`"};
}

/// An Error sets the exit code that it stands for.
Result<Monitor::Joinable> Monitor::find_joinable(uid_t peer_uid, const SessionName& name,
                                                 uint32_t* code) {
  *code = kUsage;
  if (!name.session.empty() && !name.task.empty()) {
    return Error{"name a session or a task, not both"};
  }
  *code = kBroken;
  ASSIGN_OR_RETURN(const people::Actor actor, people::load_actor(parts_.catalogue, peer_uid));
  ASSIGN_OR_RETURN(store::SessionRow row, find_running(actor, name, code));
  *code = kNotGranted;
  const auto decision = people::may(actor, Action::kOpen, people::local_subject(row.person));
  if (!decision.allowed) return Error{decision.reason};
  const std::string why = why_not(row, live_state(row.session));
  if (!why.empty()) return Error{why};
  LiveSession* live = live_.find(row.session)->second.get();
  return Joinable{std::move(row), actor.person->id, live};
}

/// What the session's ssh server is told to be and whom to trust.
Result<protocol::SshAccess> Monitor::ssh_access(const Joinable& joined) {
  ASSIGN_OR_RETURN(const ssh::KeyPair* host_key, joined.live->ssh_host_key());
  ASSIGN_OR_RETURN(const Secret file, ssh::to_private_file(*host_key, joined.row.session));
  ASSIGN_OR_RETURN(const std::string authority,
                   ssh::to_public_line(parts_.ssh_key.public_key(), "carrel"));
  protocol::SshAccess access;
  access.set_host_key(std::string(file.expose()));
  access.set_authority(authority);
  access.set_principal(joined.row.session);
  return access;
}

Reply Monitor::certificate(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::CertificateRequest>(message);
  if (!request.ok() || request.value().public_key().size() != sizeof(ssh::PublicKey)) {
    return failure(kUsage,
                   "malformed request for a certificate: it takes an Ed25519 key of 32 bytes");
  }
  uint32_t code = kBroken;
  const auto joined =
      find_joinable(peer_uid, {request.value().session(), request.value().task()}, &code);
  if (!joined.ok()) return failure(code, to_string(joined.error()));
  const std::string& session = joined.value().row.session;
  auto reply = sign_certificate(joined.value(), request.value().public_key());
  if (!reply.ok()) return failure(kBroken, to_string(reply.error()));
  note(peer_uid, "certificate session=" + session + " serial=" + std::to_string(ssh_serial_) +
                     " person=" + joined.value().person);
  return reply_with(Type::kCertificateReply, reply.value());
}

Result<protocol::CertificateReply> Monitor::sign_certificate(const Joinable& joined,
                                                             const std::string& public_key) {
  const uint64_t now_s = parts_.world.now_ns() / kNsPerS;
  ssh::Certificate wanted;
  wanted.key = evidence::to_array<sizeof wanted.key>(public_key);
  ASSIGN_OR_RETURN(wanted.nonce, parts_.world.random(ssh::kNonceBytes));
  wanted.serial = ++ssh_serial_;
  wanted.key_id = "carrel:" + joined.row.session + ":" + joined.person;
  wanted.principals = {joined.row.session};
  wanted.valid_after_s = now_s - kBeforeS;
  wanted.valid_before_s = now_s + kAfterS;
  ASSIGN_OR_RETURN(const ssh::KeyPair* host_key, joined.live->ssh_host_key());
  protocol::CertificateReply reply;
  reply.set_session(joined.row.session);
  reply.set_task(joined.row.task);
  ASSIGN_OR_RETURN(*reply.mutable_certificate(), ssh::to_certificate_line(wanted, parts_.ssh_key));
  ASSIGN_OR_RETURN(*reply.mutable_host_key(), ssh::to_public_line(host_key->key.public_key(), ""));
  reply.set_valid_until_ns(wanted.valid_before_s * kNsPerS);
  return reply;
}

}  // namespace carrel::monitor
