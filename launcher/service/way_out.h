#pragma once
// A workspace's way out as its opening sees it: the network namespace, the gateway outside of it,
// and the self-test that both have to pass before anything runs inside.

#include <sys/types.h>

#include <string>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/service/porter.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// Once each, in this order: start(), begin(), hear_gateway(), begin_trial(), hear_trial(). It may
/// be started by another process than the one that goes on, and before anybody knows the session.
class WayOut {
 public:
  /// Starts both programs of `folder` and waits for neither: carrel-network, which makes the
  /// namespace and keeps the sockets in it, and the gateway as `uid` (0: an ordinary user's
  /// launcher's; the porter starts it). Both end when this is dropped.
  static Result<WayOut> start(const std::string& folder, const Porter& porter, uid_t uid);

  /// Both are there, and neither has said that it cannot.
  [[nodiscard]] bool waits() const;
  /// Takes the namespace, and gives the gateway its sockets and what it is to be; its answer is not
  /// waited for. `names` (borrowed): the workspace's list, to read and to append to. An Error of
  /// the namespace says why it could not be made.
  Status begin(const protocol::GatewayConfig& config, int names);
  /// The gateway is ready: authority() and trust() are known.
  Status hear_gateway();
  /// Tries every way out as `uid` (0: without any power, as the launcher's own); the gateway
  /// answers.
  Status begin_trial(uid_t uid);
  /// An Error names the way that was open, or closed and must not be.
  Status hear_trial();

  [[nodiscard]] int network_fd() const { return network_.get(); }
  /// Of the certificate authority that the gateway made for this session; "" for none.
  [[nodiscard]] const std::string& authority() const { return authority_; }
  /// Files to put into the workspace: the bundle, the authority alone, Java's store; none without
  /// an authority.
  [[nodiscard]] const std::vector<UniqueFd>& trust() const { return trust_; }
  /// For the session; once of each gateway.
  UniqueFd take_session_channel() { return std::move(session_); }
  /// While the session runs and its gateway has died: another one in the same namespace, for which
  /// `config` and `names` are as in begin(). Budgets, names, authority and the numbers of
  /// connections are those of before; leases and grants are the session's to tell it. There is no
  /// trial again: the workspace has no power over what it tried. It begins when the session has
  /// said so by its channel. Waits for both programs, some seconds each where one does not answer.
  Status start_again(const std::string& folder, const Porter& porter, uid_t uid,
                     protocol::GatewayConfig config, int names);
  /// Its end is the gateway's; -1: there is none.
  [[nodiscard]] int control_fd() const { return control_.fd(); }
  /// The gateway has died, or has hung up, or is to: it is killed, where anybody knows which
  /// process it is. True: it is gone, and so is every gateway before it. False: one is there still
  /// after `killed_ms`, or nobody knows.
  [[nodiscard]] bool drop_gateway(int killed_ms);
  /// Ends what runs still of it, and waits for that. False: as drop_gateway().
  [[nodiscard]] bool end(int patience_ms = kEndMs);

 private:
  static constexpr int kEndMs = 20'000;
  Result<std::string> hear_ready(int patience_ms);
  Status configure(const protocol::GatewayConfig& config, protocol::Message made, int names);
  protocol::Connection maker_;  // carrel-network
  UniqueFd maker_process_;
  UniqueFd network_;
  protocol::Connection control_;  // the gateway
  struct GatewayProcess {
    UniqueFd process;
    UniqueFd by_porter;  // where it is the porter's child: says which one it is
  };
  /// Ends what runs still of it. True: nothing does.
  static bool end(GatewayProcess& gateway, int patience_ms, int killed_ms);
  bool end_gateway(int patience_ms, int killed_ms);
  static Result<GatewayProcess> start_gateway(const std::string& folder, const Porter& porter,
                                              uid_t uid, const UniqueFd& control);
  Status start_both(const std::string& folder, const Porter& porter, uid_t uid,
                    std::vector<std::string> arguments);
  GatewayProcess gateway_;
  std::vector<GatewayProcess> stayed_;  // that were killed and have not ended
  UniqueFd session_;
  std::string authority_;
  std::vector<UniqueFd> trust_;
  UniqueFd kept_;  // what the gateway leaves to the next one; it alone reads it
};

}  // namespace carrel::service
