#pragma once
// Requests from inside the session for more network, or for a credential that is issued on request,
// what was decided of them, and what of it lasts. Pure: every clock is passed in, and what follows
// is handed back to be carried out.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/net_events.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/inside/message.h"
#include "launcher/watch/session/time_rules.h"
#include "profiles/decide/live_grants.h"
#include "profiles/model/profile.h"

namespace carrel::session {

class GrantDesk {
 public:
  static constexpr size_t kMostOpen = 8;      // undecided at once
  static constexpr size_t kMostAsked = 1000;  // in a session

  /// Both outlive this.
  GrantDesk(const protocol::SessionSpec& spec, const model::Profile& profile)
      : spec_(spec), profile_(profile) {}

  using Now = TimeRules::Now;
  /// What comes of a request, beside the answer to who asks.
  struct Asked {
    inside::Answer answer;
    std::optional<protocol::GrantRequest> request;  // to the broker
    events::GrantChange event;                      // to the record, where there is one
  };
  /// `subject` is that of inside::Ask::kNetwork. No grant outlasts `session_end_ns` (since 1970).
  Asked ask(std::string_view subject, decide::Grants live, Now now,
            std::optional<uint64_t> session_end_ns);
  /// The same of inside::Ask::kCredential: one of the profile that is issued on request.
  Asked ask_credential(std::string_view subject, Now now, std::optional<uint64_t> session_end_ns);
  /// Whether a credential is granted now.
  [[nodiscard]] bool has_credential(std::string_view name) const;

  /// What is to be done: the record, the screen, the gateway.
  struct Change {
    events::GrantChange event;
    std::string line;  // with its line feed
    std::optional<protocol::GatewayGrant> gateway;
    std::optional<model::Network> network;  // that is granted from now on
    std::string credential;                 // that is granted from now on, or no longer
    uint64_t credential_until_ns = 0;       // since 1970; 0: no longer
  };
  /// Nothing for an answer to what is not open, is over, or is not what the person was shown.
  std::optional<Change> take(const protocol::GrantAnswer& answer, Now now);
  /// What a gateway is to know that has not heard of any grant.
  [[nodiscard]] std::vector<protocol::GatewayGrant> granted(Now now) const;
  /// What has ended by now: grants, and requests that nobody decided.
  std::vector<Change> over(Now now);
  /// Ends the grant of a credential that there is none of; nothing where there is no grant.
  std::optional<Change> fail_credential(const std::string& name, const std::string& why);
  /// Of grants that the end of the session ends.
  std::vector<Change> end_all();

 private:
  struct Open {
    protocol::GrantRequest request;
    std::optional<model::Network> network;  // none: it is for a credential
    std::string text, text_sha256;
  };
  struct Live {
    Open open;
    uint64_t until_ns = 0;       // since 1970
    uint64_t until_mono_ns = 0;  // whichever clock comes first
  };
  [[nodiscard]] Change ended(const Open& open, const std::string& why, uint64_t until_ns) const;
  Result<bool> read_terms(std::string_view until, std::string_view reason, Now now,
                          std::optional<uint64_t> session_end_ns,
                          protocol::GrantRequest& request) const;
  [[nodiscard]] std::optional<Asked> needless(protocol::GrantRequest request,
                                              const model::Network& reached,
                                              decide::Grants live) const;
  [[nodiscard]] std::optional<Asked> already(const model::Credential& credential) const;
  Asked open(protocol::GrantRequest request, std::optional<model::Network> network, bool shortened);
  [[nodiscard]] inside::Answer told(const protocol::GrantRequest& request, bool shortened) const;
  [[nodiscard]] const Open* same(const protocol::GrantRequest& request) const;

  const protocol::SessionSpec& spec_;
  const model::Profile& profile_;
  std::map<std::string, Open> open_;  // by id
  std::map<std::string, Live> live_;
  uint64_t asked_ = 0;
};

}  // namespace carrel::session
