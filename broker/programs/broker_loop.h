#pragma once
// The broker's one event loop: carries messages between its sockets and the monitor.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/programs/broker_options.h"
#include "broker/service/monitor/monitor.h"
#include "broker/wire/protocol/connection.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::programs {

/// Serves until the launcher's channel closes and then, for at most 20 s, the sessions that still
/// send. A peer that breaks the protocol loses its connection, nobody else's. With `caller`, uid 0
/// is that user and no other uid is served (BrokerOptions::caller). As a service nobody but root
/// keeps more than a few connections.
class BrokerLoop {
 public:
  /// What is done every so many milliseconds, beside all else.
  struct Chore {
    uint64_t every_ms = 0;
    std::function<Status()> work;
  };
  BrokerLoop(monitor::Monitor& monitor, monitor::Log log, UniqueFd listener,
             protocol::Connection launcher, const BrokerOptions& options, Chore chore)
      : monitor_(monitor),
        log_(std::move(log)),
        listener_(std::move(listener)),
        launcher_(std::move(launcher)),
        secrets_(UniqueFd(options.secrets_fd)),
        caller_(options.caller),
        is_service_(options.service),
        chore_(std::move(chore)) {}

  /// An Error only when it cannot even wait any more.
  Status run();

 private:
  struct Client {
    protocol::Connection connection;
    uid_t uid = 0;
    uint64_t idle_since_ms = 0;
  };
  struct Ready {
    bool listener = false;
    bool launcher = false;
    bool secrets = false;
    std::vector<std::string> sessions;
    std::vector<Client*> clients;
  };

  Result<Ready> wait();
  [[nodiscard]] bool has_many(uid_t uid) const;
  void accept_client();
  Status serve_launcher();
  Status take_launcher_message(protocol::Message message);
  /// kAll: until nothing is left in the channel; for a supervisor that is gone.
  enum class HowMuch { kSome, kAll };
  void serve_session(const std::string& session, HowMuch how_much);
  Result<bool> take_from_session(const std::string& session, protocol::Connection& connection,
                                 HowMuch how_much);
  Status take_messages(const std::string& session, protocol::Connection& connection);
  void drop_session(const std::string& session, const std::string& why);
  void tell_sessions();
  Status take_secrets_channel(protocol::Message message);
  Status serve_secrets();
  void lose_secrets(const std::string& why);
  void ask_secrets();
  void serve_client(Client& client);
  Result<bool> take_from_client(Client& client);
  void drop_idle_clients();
  [[nodiscard]] int patience_ms() const;
  void do_chore();

  monitor::Monitor& monitor_;
  monitor::Log log_;
  UniqueFd listener_;
  protocol::Connection launcher_;
  protocol::Connection secrets_;  // to carrel-secrets; invalid while there is none
  std::optional<uid_t> caller_;
  bool is_service_;
  Chore chore_;
  uint64_t chore_due_ms_ = 0;
  monitor::LogBudget log_budget_;
  std::map<std::string, protocol::Connection> sessions_;
  std::list<Client> clients_;
  uint64_t give_up_ms_ = 0;  // when the launcher has gone: until when sessions are waited for
};

}  // namespace carrel::programs
