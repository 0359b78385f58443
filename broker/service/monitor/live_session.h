#pragma once
// One running session as the broker sees it: takes what its supervisor sends, keeps the record, and
// decides how it ended. What a supervisor sends is hostile: it can spoil its own record, no other.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/record/evidence/keys.h"
#include "broker/service/credentials/issuer.h"
#include "broker/service/monitor/reply.h"
#include "broker/service/monitor/seal_guard.h"
#include "broker/service/store/catalogue.h"
#include "broker/service/store/file_segment_store.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/ssh/keys.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/world.h"

namespace carrel::monitor {

/// What all sessions share; outlives them.
struct SessionTools {
  const evidence::SigningKey& broker_key;
  const credentials::Issuer& issuer;
  const World& world;
};

class LiveSession {
 public:
  LiveSession(store::SessionRow row, credentials::Holder holder,
              std::unique_ptr<store::FileSegmentStore> record, const SessionTools& tools);

  /// Takes one message. Its answers, in order; an Error ends the session: nothing is taken after.
  Result<std::vector<Reply>> take(const protocol::Message& message);

  /// Secrets that credentials asked for by take() need first, in order; each once.
  struct SecretAsk {
    std::string credential;
    std::string from;  // "secret:NAME" or "ca:NAME"
  };
  std::vector<SecretAsk> take_asks() { return std::exchange(asks_, {}); }
  /// The answer to one of them: what the supervisor is told, which is a refusal where there is no
  /// value or it does not fit. Nothing when nobody waits for it any more.
  std::optional<Reply> take_secret(const std::string& credential, const Result<Secret>& value);

  /// The row as it is now. "closed" from the moment on when the closing seal is durable.
  [[nodiscard]] const store::SessionRow& row() const { return row_; }
  /// What its supervisor said last of itself; nothing it said is trusted.
  [[nodiscard]] const protocol::SessionState& state() const { return state_; }
  /// What somebody inside asks for and nobody has decided, by its id; checked, in memory alone.
  struct GrantRequest {
    protocol::GrantRequest request;
    uint64_t asked_ns = 0;
  };
  /// Those whose time is not over.
  const std::map<std::string, GrantRequest>& grant_requests();
  void drop_grant_request(const std::string& id) { grant_requests_.erase(id); }
  /// A credential that is issued on request may be, from now on until then (since 1970); what was
  /// granted of it before is over.
  void grant_credential(const std::string& name, uint64_t until_ns);
  /// Its end has begun: from now on no token of it is good, whatever its supervisor says.
  void begin_end() { ending_ = true; }
  [[nodiscard]] bool ending() const { return ending_ || failed_ || guard_.closed(); }
  /// Whether the token of that `jti` was issued to this session, under a grant that no newer one
  /// has replaced. None outlives its grant: its own end is at most the grant's.
  [[nodiscard]] bool has_token(const std::string& jti) const;
  /// A number for a further terminal; the first command is 1.
  uint32_t next_channel() { return ++last_channel_; }
  /// The key of the session's ssh server: made when it is first asked for, held in memory alone.
  Result<const ssh::KeyPair*> ssh_host_key();
  [[nodiscard]] bool closed() const { return guard_.closed() && !failed_; }
  /// The row for good, when nothing can come any more: broken unless closed.
  store::SessionRow end();

 private:
  Result<std::vector<Reply>> handle(const protocol::Message& message);
  Result<std::vector<Reply>> take_block(const protocol::Message& message);
  Result<std::vector<Reply>> take_seal(const protocol::Message& message);
  Status store_seal(const evidence::Seal& seal, const std::string& note);
  Result<std::vector<Reply>> take_blob(const protocol::Message& message);
  Result<std::vector<Reply>> mint(const protocol::Message& message);
  Status check_turn(const protocol::MintCredential& wanted, uint64_t now_s) const;
  Status check_asked_credential(const protocol::GrantRequest& request) const;
  /// Until when leases of that name may last; an Error where none may be issued now.
  [[nodiscard]] Result<uint64_t> latest_end_s(const std::string& credential) const;
  Reply refuse_lease(const std::string& credential, bool renewal, const Error& why);
  Result<std::vector<Reply>> take_state(const protocol::Message& message);
  Result<std::vector<Reply>> take_grant_request(const protocol::Message& message);
  Result<std::vector<Reply>> take_end(const protocol::Message& message);

  struct Term {
    uint64_t issued = 0;
    uint64_t not_after = 0;
    uint32_t again = 0;  // how often it was asked for because a gateway had died
  };
  store::SessionRow row_;
  credentials::Holder holder_;
  std::unique_ptr<store::FileSegmentStore> record_;
  SessionTools tools_;
  SealGuard guard_;
  protocol::SessionState state_;
  std::map<std::string, Term> leases_;  // by name; only names that the profile grants
  std::map<std::string, std::deque<std::string>> tokens_;  // their jti by name; oldest first
  struct Pending {
    bool renewal = false;
    uint64_t grant = 0;  // of those of its name, by number; 0: it needs none
    bool again = false;
  };
  struct Granted {
    uint64_t number = 0;
    uint64_t until_ns = 0;
  };
  [[nodiscard]] uint64_t grant_number(const std::string& credential) const;
  std::map<std::string, Granted> granted_;     // by name, of what is issued on request
  std::map<std::string, Pending> pending_;     // by name, that wait for a secret
  std::map<std::string, uint64_t> refused_s_;  // by name: when the last one was refused
  std::vector<SecretAsk> asks_;
  uint64_t stored_events_ = 0;
  uint32_t last_channel_ = 1;
  std::optional<ssh::KeyPair> ssh_host_key_;
  std::map<std::string, GrantRequest> grant_requests_;
  uint64_t last_grant_id_ = 0;
  bool ending_ = false;
  bool failed_ = false;
};

}  // namespace carrel::monitor
