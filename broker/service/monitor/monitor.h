#pragma once
// The broker without its sockets: who may open, list and read; which sessions live; what becomes of
// them. One thread; every call returns at once (but for the disk).

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/service/monitor/live_session.h"
#include "broker/service/monitor/log_budget.h"
#include "broker/service/monitor/reply.h"
#include "broker/service/monitor/secret_desk.h"
#include "broker/service/monitor/tickets.h"
#include "broker/service/people/may.h"
#include "broker/service/store/catalogue.h"
#include "broker/service/store/file_segment_store.h"
#include "broker/wire/protocol/connection.h"
#include "profiles/base/result.h"
#include "profiles/base/world.h"
#include "profiles/model/profile.h"

namespace carrel::monitor {

/// Two weeks: what nobody said otherwise.
inline constexpr uint64_t kWorkspaceKeptS = uint64_t{14} * 86400;

/// What a person has to accept before their first session.
struct AgreementTerms {
  std::string file;
  uint64_t version = 0;
};

/// A profile as the broker itself reads it from the source it was sent.
struct ReadProfile {
  model::Profile profile;
  std::string canonical;
  struct RuleLine {
    std::string id;
    uint32_t line = 0;
    std::string file = {};  // "": the profile's own
  };
  std::vector<RuleLine> rule_lines;
  std::optional<AgreementTerms> agreement;
  uint64_t workspace_kept_s = kWorkspaceKeptS;  // after the task's end
};
using ExtendedSources = google::protobuf::RepeatedPtrField<protocol::ExtendedSource>;
/// `path` only labels messages; `extended` is everything that the profile extends.
using ProfileReader = std::function<Result<ReadProfile>(
    std::string_view source, std::string_view path, const ExtendedSources& extended)>;

/// One line for the operator's log: a fixed event name, then key=value; no secrets, no raw bytes.
using Log = std::function<void(const std::string& line)>;

/// What may be opened: what a caller brings, as on a machine of one's own, or only tasks that were
/// given to the caller, as from a service of the whole host, which reads no caller's profile.
enum class Serves { kCallersProfiles, kGivenTasks };

/// What the monitor works with; all of it outlives the monitor.
struct MonitorParts {
  store::Catalogue& catalogue;
  store::RecordFolder& records;
  const evidence::SigningKey& broker_key;
  const evidence::SigningKey& ticket_key;  // signs tickets and nothing else
  const evidence::SigningKey& ssh_key;     // signs certificates of ssh and nothing else
  const credentials::Issuer& issuer;
  World world;
  ProfileReader read_profile;
  Log log;
  Serves serves = Serves::kCallersProfiles;
};

inline constexpr size_t kMaxLiveSessions = 512;

/// How a client names one of its sessions that run: one of the two.
struct SessionName {
  std::string session;  // a full id, a prefix of it, or "last"
  std::string task;     // with or without "local/"
};

class Monitor {
 public:
  explicit Monitor(MonitorParts parts)
      : parts_(std::move(parts)),
        tools_{parts_.broker_key, parts_.issuer, parts_.world},
        tickets_(parts_.serves == Serves::kGivenTasks ? kMaxTicketsOfOne : kMaxTickets) {}
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Answers one request of a client whose uid the kernel vouches for. Never nothing: what cannot
  /// be done is a Failure frame.
  Reply answer_client(uid_t peer_uid, protocol::Message request);

  /// What answer_client() decided to tell sessions that live, in order; each once.
  struct Told {
    std::string session;
    Reply message;
  };
  std::vector<Told> take_told() { return std::exchange(told_, {}); }

  /// Questions for the admin's secrets that sessions' credentials need answered; each once.
  std::vector<protocol::SecretRequest> take_asked() { return secrets_.take_asked(); }
  /// The answer to one of them; take_told() then says so to its session. One that nobody waits for
  /// any more is dropped.
  void take_secret(uint64_t id, const Result<Secret>& value);
  /// Refuses the questions that have been out for too long; with `all`, every one.
  void refuse_secrets(const Error& why, bool all);
  [[nodiscard]] bool waits_for_secrets() const { return secrets_.waits(); }

  struct LauncherAnswer {
    Reply reply;
    std::string started;  // the session that began with this message, or ""
    UniqueFd channel;     // of that session
  };
  /// Answers one message of the launcher. For kSessionGone the caller has first given everything
  /// that was left in the session's channel to take_from_session().
  LauncherAnswer answer_launcher(protocol::Message message);

  /// Takes one message of a live session's supervisor. After an Error: end_session().
  Result<std::vector<Reply>> take_from_session(const std::string& session,
                                               const protocol::Message& message);
  /// Nothing can come from this session any more. Its row is final: closed or broken. Does nothing
  /// for a session that does not live.
  void end_session(const std::string& session, const std::string& why);
  [[nodiscard]] size_t live_sessions() const { return live_.size(); }

 private:
  Reply open(uid_t peer_uid, const protocol::Message& request);
  Status judge_given(const protocol::OpenRequest& request, const std::string& person);
  Result<std::pair<std::string, std::string>> make_ids();
  Status judge_task(const protocol::OpenRequest& request, const std::string& person,
                    Granted& granted);
  Result<std::optional<protocol::AgreementNeeded>> judge_agreement(
      const protocol::OpenRequest& request, const ReadProfile& read, Granted& granted);
  Status place(Granted& granted);
  [[nodiscard]] const store::SessionRow* running_at(const std::string& workspace) const;
  Reply list(uid_t peer_uid);
  Reply record(uid_t peer_uid, const protocol::Message& request);
  Reply workspaces(uid_t peer_uid);
  Reply status(uid_t peer_uid, const protocol::Message& request);
  Reply order(uid_t peer_uid, const protocol::Message& request);
  Reply approvals(uid_t peer_uid, const protocol::Message& request);
  Reply decide_request(uid_t peer_uid, const protocol::Message& request);
  people::Decision may_grant(const people::Actor& actor, const LiveSession& live) const;
  Result<LiveSession*> find_granting(const people::Actor& actor, const std::string& session);
  void tell_decision(const store::SessionRow& row, const protocol::GrantAnswer& answer);
  Reply token(uid_t peer_uid, const protocol::Message& request);
  [[nodiscard]] credentials::LeaseState find_lease(const std::string& session,
                                                   const std::string& jti) const;
  Reply attach(uid_t peer_uid, protocol::Message message);
  Reply certificate(uid_t peer_uid, const protocol::Message& message);
  /// A session that its person may join now.
  struct Joinable {
    store::SessionRow row;
    std::string person;
    LiveSession* live = nullptr;
  };
  Result<Joinable> find_joinable(uid_t peer_uid, const SessionName& name, uint32_t* code);
  Result<store::SessionRow> find_running(const people::Actor& actor, const SessionName& name,
                                         uint32_t* code);
  Result<protocol::SshAccess> ssh_access(const Joinable& joined);
  Result<protocol::CertificateReply> sign_certificate(const Joinable& joined,
                                                      const std::string& public_key);
  Reply create_task(uid_t peer_uid, const protocol::Message& request);
  Reply list_tasks(uid_t peer_uid, const protocol::Message& request);
  Reply end_task(uid_t peer_uid, const protocol::Message& request);
  Reply task_profile(uid_t peer_uid, const protocol::Message& request);
  Result<protocol::TaskRow> task_row(const store::Task& task);
  Result<std::vector<store::Workspace>> workspaces_of(const std::string& task);
  Status finish_task(store::Task& task, const people::Actor& actor, const std::string& reason);
  void close_sessions_of(const std::string& task, const people::Actor& actor,
                         const std::string& reason, protocol::TaskEndReply& reply);
  Status issue_end_tickets(const store::Task& task, uid_t peer_uid, protocol::TaskEndReply& reply);
  Reply confirm_end(const protocol::Message& message);
  Reply erased(const protocol::Message& message);
  Reply due();
  const protocol::SessionState* live_state(const std::string& session) const;
  void tell(const std::string& session, const protocol::SessionOrder& order);
  void note(uid_t uid, const std::string& line);
  Result<std::vector<store::SessionRow>> visible_rows(const people::Actor& actor);
  Reply confirm(const protocol::Message& message);
  LauncherAnswer start(protocol::Message message);
  Status make_live(const protocol::SessionStart& start);
  Reply gone(const protocol::Message& message);
  /// Writes the row; one that the catalogue does not take is kept and tried again with the next.
  void save(const store::SessionRow& row);

  MonitorParts parts_;
  SessionTools tools_;
  Tickets tickets_;
  TicketBox<store::Workspace> end_tickets_;
  std::map<std::string, Granted> confirmed_;  // by session, until it starts
  std::map<std::string, std::unique_ptr<LiveSession>> live_;
  std::map<std::string, store::SessionRow> unsaved_;
  std::vector<Told> told_;
  SecretDesk secrets_;
  LogBudget log_budget_;
  uint64_t ssh_serial_ = 0;  // of the last certificate; the authority's key is of this start too
};

}  // namespace carrel::monitor
