// carrel-network: makes a network namespace whose every address is local, with the gateway's
// sockets in it, and waits; descriptor 3 is the launcher. Told to go it hands both over, the
// sockets for good; told an uid it tries every way out as that uid, and ends. It ends, too, when
// the launcher hangs up. With "again" it makes the sockets alone, in a namespace that it is handed,
// for another gateway of a session that runs. With "check" it tries whether all of that can be made
// on this host, and says on its output why not. A program of its own, so that nobody else holds
// what it links.

#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/confine/confine.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/kernel/own_user_namespace.h"
#include "launcher/box/network/probes.h"
#include "launcher/box/network/routes.h"
#include "launcher/box/network/rules.h"
#include "launcher/box/network/sockets.h"
#include "launcher/box/network/steering.h"

namespace carrel {
namespace {

constexpr int kControlFd = 3;

/// Nothing when the launcher has hung up.
Result<std::optional<protocol::Message>> hear_go(protocol::Connection& control) {
  ASSIGN_OR_RETURN(std::optional<protocol::Message> said, control.receive());
  if (said.has_value() && said->type != protocol::Type::kGo) {
    return Error{"the launcher spoke out of turn", EPROTO};
  }
  return said;
}

/// The caller's network is a new one from then on.
Result<network::GatewaySockets> make_network() {
  RETURN_IF_ERROR(kernel::enter_new_network());
  // The sensor looks at connect(2): no connection is made without it.
  RETURN_IF_ERROR(kernel::refuse_fast_open());
  RETURN_IF_ERROR(network::make_everything_local());
  RETURN_IF_ERROR(network::load_rules(network::steering_rules()));
  return network::make_gateway_sockets();
}

/// A copy that stayed here would keep connections waiting for a gateway that has died.
Status hand_over(protocol::Connection& control, network::GatewaySockets sockets) {
  ASSIGN_OR_RETURN(const UniqueFd own, kernel::current_network());
  std::vector<int> fds = {own.get()};
  for (const int fd : sockets.fds())
    fds.push_back(fd);
  return control.send(protocol::Type::kGo, "", fds);
}

/// For good: this process is of that uid's power from here on.
Status probe(protocol::Connection& control, std::string_view uid) {
  confine::Ids ids;
  const auto [end, failed] = std::from_chars(uid.data(), uid.data() + uid.size(), ids.uid);
  if (failed != std::errc() || end != uid.data() + uid.size()) return Error{"no uid to be"};
  ids.gid = ids.uid;
  confine::Confinement list;
  if (ids.uid != 0) list.ids = ids;
  RETURN_IF_ERROR(confine::confine_self(list));
  RETURN_IF_ERROR(network::try_ways_out());
  return control.send(protocol::Type::kGo, std::to_string(network::kRefusedByProbes));
}

/// Of whoever asks for it; all that is made ends with this process.
Status try_to_make() {
  if (geteuid() != 0) {
    RETURN_IF_ERROR(kernel::enter_own_user_namespace());
  }
  ASSIGN_OR_RETURN(const network::GatewaySockets sockets, make_network());
  return sockets.fds().size() == network::GatewaySockets::kCount
             ? Status(Done{})
             : Status(Error{"not all of the gateway's sockets came"});
}

Status serve(protocol::Connection& control) {
  ASSIGN_OR_RETURN(network::GatewaySockets sockets, make_network());
  (void)prctl(PR_SET_NAME, "carrel-ready");  // as the gateway beside it calls itself
  ASSIGN_OR_RETURN(const auto go, hear_go(control));
  if (!go.has_value()) return Done{};
  RETURN_IF_ERROR(hand_over(control, std::move(sockets)));
  ASSIGN_OR_RETURN(const auto uid, hear_go(control));
  if (!uid.has_value()) return Done{};
  return probe(control, uid->body);
}

/// A process that has just died may hold its sockets for a moment yet.
Result<network::GatewaySockets> make_sockets_again() {
  constexpr int kTries = 200;
  constexpr timespec kMoment = {0, 10'000'000};
  for (int i = 0;; ++i) {
    Result<network::GatewaySockets> made = network::make_gateway_sockets();
    // EPERM: of the log's group.
    const int number = made.ok() ? 0 : made.error().sys_errno;
    const bool held = number == EADDRINUSE || number == EBUSY || number == EPERM;
    if (!held || i == kTries) return made;
    (void)nanosleep(&kMoment, nullptr);
  }
}

/// The namespace has its routes and rules, and a workspace runs in it.
Status serve_again(protocol::Connection& control) {
  ASSIGN_OR_RETURN(std::optional<protocol::Message> go, hear_go(control));
  if (!go.has_value()) return Done{};
  if (go->fds.size() != 1) return Error{"no network came", EPROTO};
  RETURN_IF_ERROR(kernel::enter_network(go->fds.front().get()));
  ASSIGN_OR_RETURN(network::GatewaySockets sockets, make_sockets_again());
  return hand_over(control, std::move(sockets));
}

int run(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "check") == 0) {
    const Status good = try_to_make();
    if (!good.ok()) printf("%s\n", to_string(good.error()).c_str());
    return good.ok() ? 0 : 1;
  }
  protocol::Connection control{UniqueFd(kControlFd)};
  const bool again = argc == 2 && strcmp(argv[1], "again") == 0;
  const Status done = again ? serve_again(control) : serve(control);
  if (done.ok()) return 0;
  protocol::Failure failure;
  failure.set_text(to_string(done.error()));
  (void)protocol::send_message(control, protocol::Type::kFailure, failure).ok();
  return 1;
}

}  // namespace
}  // namespace carrel

int main(int argc, char** argv) {
  return carrel::run(argc, argv);
}
