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

class WayOut {
 public:
  /// Programs are found in `folder`.
  static Result<WayOut> make(const std::string& folder);

  /// The gateway as `uid`; of an ordinary user's launcher (0) by the porter. `names`: the
  /// workspace's list, to read and to append to.
  Status start_gateway(const Porter& porter, uid_t uid, const protocol::GatewayConfig& config,
                       UniqueFd names);
  /// Tries every way out as `uid` (0: without any power, as the launcher's own); the gateway
  /// answers. An Error names the one that was open, or closed and must not be.
  Status try_from_inside(uid_t uid);

  [[nodiscard]] int network_fd() const { return network_.get(); }
  /// Of the certificate authority that the gateway made for this session; "" for none.
  [[nodiscard]] const std::string& authority() const { return authority_; }
  /// Files to put into the workspace: the bundle, the authority alone, Java's store; none without
  /// an authority.
  [[nodiscard]] const std::vector<UniqueFd>& trust() const { return trust_; }
  /// For the session; once.
  UniqueFd take_session_channel() { return std::move(session_); }
  /// Its end is the gateway's.
  [[nodiscard]] int control_fd() const { return control_.fd(); }
  /// Ends the gateway, if it runs still.
  void end();

 private:
  Result<std::string> hear_ready();
  std::string folder_;
  UniqueFd network_;
  std::vector<UniqueFd> sockets_;
  protocol::Connection control_;
  UniqueFd session_;
  std::string authority_;
  std::vector<UniqueFd> trust_;
  pid_t pid_ = -1;  // -1: the porter's child
};

}  // namespace carrel::service
