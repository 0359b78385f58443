// carrel-network: makes a network namespace whose every address is local, with the gateway's
// sockets in it ("make": both go to descriptor 3), or tries every way out of one ("probe UID":
// descriptor 4 is the namespace; it answers how many of its packets were refused), or tries whether
// "make" would do on this host ("check": a line on its output where not). A program of its own, so
// that nobody else holds what it links.

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>
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

constexpr int kAnswerFd = 3;
constexpr int kNetworkFd = 4;

/// The caller's network is a new one from then on.
Result<network::GatewaySockets> make_network() {
  RETURN_IF_ERROR(kernel::enter_new_network());
  // The sensor looks at connect(2): no connection is made without it.
  RETURN_IF_ERROR(kernel::refuse_fast_open());
  RETURN_IF_ERROR(network::make_everything_local());
  RETURN_IF_ERROR(network::load_rules(network::steering_rules()));
  return network::make_gateway_sockets();
}

Status make(protocol::Connection& answer) {
  ASSIGN_OR_RETURN(const network::GatewaySockets sockets, make_network());
  ASSIGN_OR_RETURN(const UniqueFd own, kernel::current_network());
  std::vector<int> fds = {own.get()};
  for (const int fd : sockets.fds())
    fds.push_back(fd);
  return answer.send(protocol::Type::kGo, "", fds);
}

Status probe(protocol::Connection& answer, std::string_view uid) {
  confine::Ids ids;
  const auto [end, failed] = std::from_chars(uid.data(), uid.data() + uid.size(), ids.uid);
  if (failed != std::errc() || end != uid.data() + uid.size()) return Error{"no uid to be"};
  ids.gid = ids.uid;
  RETURN_IF_ERROR(kernel::enter_network(kNetworkFd));
  confine::Confinement list;
  if (ids.uid != 0) list.ids = ids;
  RETURN_IF_ERROR(confine::confine_self(list));
  RETURN_IF_ERROR(network::try_ways_out());
  return answer.send(protocol::Type::kGo, std::to_string(network::kRefusedByProbes));
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

int run(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "check") == 0) {
    const Status good = try_to_make();
    if (!good.ok()) printf("%s\n", to_string(good.error()).c_str());
    return good.ok() ? 0 : 1;
  }
  protocol::Connection answer{UniqueFd(kAnswerFd)};
  Status done = Error{"carrel-network is started by carrel-launcher"};
  if (argc == 2 && strcmp(argv[1], "make") == 0) done = make(answer);
  if (argc == 3 && strcmp(argv[1], "probe") == 0) done = probe(answer, argv[2]);
  if (done.ok()) return 0;
  protocol::Failure failure;
  failure.set_text(to_string(done.error()));
  (void)protocol::send_message(answer, protocol::Type::kFailure, failure).ok();
  return 1;
}

}  // namespace
}  // namespace carrel

int main(int argc, char** argv) {
  return carrel::run(argc, argv);
}
