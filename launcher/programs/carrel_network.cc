// carrel-network: makes a network namespace whose every address is local, with the gateway's
// sockets in it ("make": both go to descriptor 3), or tries every way out of one ("probe UID":
// descriptor 4 is the namespace). A program of its own, so that nobody else holds what it links.

#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "broker/confine/confine.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/network/probes.h"
#include "launcher/box/network/routes.h"
#include "launcher/box/network/rules.h"
#include "launcher/box/network/sockets.h"
#include "launcher/box/network/steering.h"

namespace carrel {
namespace {

constexpr int kAnswerFd = 3;
constexpr int kNetworkFd = 4;

Status make(protocol::Connection& answer) {
  RETURN_IF_ERROR(kernel::enter_new_network());
  RETURN_IF_ERROR(network::make_everything_local());
  RETURN_IF_ERROR(network::load_rules(network::steering_rules()));
  ASSIGN_OR_RETURN(const network::GatewaySockets sockets, network::make_gateway_sockets());
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
  return answer.send(protocol::Type::kGo, "");
}

int run(int argc, char** argv) {
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
