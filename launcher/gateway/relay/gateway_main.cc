#include "launcher/gateway/relay/gateway_main.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <string>
#include <utility>

#include "broker/confine/confine.h"
#include "broker/wire/protocol/connection.h"
#include "launcher/gateway/relay/gateway.h"
#include "launcher/gateway/relay/kept.h"
#include "launcher/gateway/tls/trust.h"
#include "profiles/parse/canonical.h"

namespace carrel::gateway {
namespace {

using protocol::Message;
using protocol::Type;

/// In the order of messages.proto.
struct Given {
  UniqueFd session;
  Sockets sockets;
  UniqueFd diag;
  UniqueFd names;
  UniqueFd kept;  // of a gateway before this one
};

Result<Given> take_fds(std::vector<UniqueFd> fds, bool again) {
  constexpr size_t kCount = 9;
  if (fds.size() != kCount + (again ? 1 : 0))
    return Error{"the gateway's descriptors did not come", EPROTO};
  Given given;
  given.session = std::move(fds[0]);
  given.sockets.tcp = std::move(fds[1]);
  given.sockets.dns_udp4 = std::move(fds[2]);
  given.sockets.dns_udp6 = std::move(fds[3]);
  given.sockets.dns_tcp4 = std::move(fds[4]);
  given.sockets.dns_tcp6 = std::move(fds[5]);
  given.sockets.log = std::move(fds[6]);
  given.diag = std::move(fds[7]);
  given.names = std::move(fds[8]);
  if (again) given.kept = std::move(fds[kCount]);
  return given;
}

void raise_limits() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &files);
}

/// No path at all; TCP connections outwards, and what it holds.
Status confine() {
  confine::Confinement list;
  if (confine::landlock_abi() > 0) list.landlock.emplace();
  list.tcp_connect = true;
  list.syscalls = confine::common_syscalls();
  for (const char* name : {"accept4",       "socket.internet", "connect",         "getsockname",
                           "getpeername",   "setsockopt",      "getsockopt",      "sendto",
                           "recvfrom",      "sendmsg",         "recvmsg",         "shutdown",
                           "bind",          "splice",          "pipe2",           "ioctl",
                           "epoll_create1", "epoll_ctl",       "epoll_wait",      "epoll_pwait",
                           "eventfd2",      "timerfd_create",  "timerfd_settime", "pread64",
                           "pwrite64",      "lseek",           "ftruncate",       "fdatasync",
                           "sysinfo"}) {
    list.syscalls.emplace_back(name);
  }
#ifdef __SANITIZE_ADDRESS__
  list.syscalls.emplace_back("sigaltstack");
#endif
  return confine::confine_self(list);
}

Status say_failure(protocol::Connection& control, const Error& why) {
  protocol::Failure failure;
  failure.set_text(to_string(why));
  return protocol::send_message(control, Type::kFailure, failure);
}

struct Program {
  protocol::Connection control;
  protocol::GatewayConfig config;
  model::Profile profile;
  Given given;
};

/// OpenSSL reads its configuration and fetches its algorithms when they are first used. Nothing
/// that is made here is kept.
void warm_up() {
  AuthorityRequest request;
  request.session = "none";
  request.names = {"carrel.invalid"};
  request.now_s = static_cast<int64_t>(time(nullptr));
  request.valid_s = 1;
  auto authority = Authority::create(request);
  if (!authority.ok()) return;
  (void)SystemRoots::parse(authority.value().pem()).ok();
  auto kept = authority.value().kept();
  if (kept.ok()) (void)Authority::restore(request.names, kept.value()).ok();
}

/// While nobody has asked for it yet.
bool has_time(const protocol::Connection& control) {
  pollfd asked{control.fd(), POLLIN, 0};
  return poll(&asked, 1, 0) == 0;
}

Result<Program> configure(int control_fd) {
  Program program;
  program.control = protocol::Connection(UniqueFd(control_fd));
  // It may have been started for a session that nobody has asked for yet: lists of processes tell
  // it from one that serves.
  (void)prctl(PR_SET_NAME, "carrel-ready");
  if (has_time(program.control)) warm_up();
  ASSIGN_OR_RETURN(std::optional<Message> message, program.control.receive());
  (void)prctl(PR_SET_NAME, "carrel-gateway");
  if (!message.has_value() || message->type != Type::kGatewayConfig) {
    return Error{"the launcher sent no configuration", EPROTO};
  }
  ASSIGN_OR_RETURN(program.config, protocol::parse_message<protocol::GatewayConfig>(*message));
  ASSIGN_OR_RETURN(program.profile, parse::parse_canonical(program.config.canonical()));
  ASSIGN_OR_RETURN(program.given, take_fds(std::move(message->fds), program.config.again()));
  return program;
}

/// One that cannot be used is not there: requests that need it are refused.
void take_lease(const Message& message, Gateway& gateway) {
  const auto lease = protocol::parse_message<protocol::GatewayLease>(message);
  if (lease.ok()) gateway.take_lease(lease.value());
}

/// Hears the launcher until it hangs up.
Task<> serve_control(Program& program, Gateway& gateway, Loop& loop) {
  Wait wait(loop, UniqueFd(dup(program.control.fd())));
  while (true) {
    const bool more = co_await wait.readable();
    if (!more) break;
    const Result<bool> open = program.control.fill();
    if (!open.ok() || !open.value()) break;
    const Result<std::optional<Message>> message = program.control.next();
    if (!message.ok()) break;
    if (!message.value().has_value()) continue;
    if (message.value()->type != Type::kGo) break;
    const uint64_t refused = std::strtoull(message.value()->body.c_str(), nullptr, 10);
    const bool good = gateway.begin(refused);
    const Status told =
        good ? program.control.send(Type::kGatewayReady, "")
             : say_failure(program.control,
                           Error{"refused packets of the self-test were not told of"});
    if (!good || !told.ok()) break;
  }
  loop.stop();
}

/// What makes the workspace's tools trust the session's authority; empty where nothing is
/// inspected.
struct Trust {
  std::string authority;
  UniqueFd bundle, authority_file, java_store;
};

Result<UniqueFd> in_memory(const std::string& bytes) {
  UniqueFd file(memfd_create("carrel-trust", MFD_CLOEXEC));
  if (!file.valid()) return errno_error("memfd_create");
  if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return errno_error("write the workspace's certificates");
  }
  return file;
}

/// The names that are inspected.
std::vector<std::string> inspected(const model::Profile& profile) {
  std::vector<std::string> names;
  for (const model::Network& network : profile.networks) {
    if (network.mode == model::NetworkMode::kInspect) names.push_back(network.host);
  }
  return names;
}

Result<Trust> make_trust(const Program& program, Parts& parts, Kept& kept) {
  constexpr int64_t kHour = 3600;
  constexpr int64_t kLongest = 30 * 24 * kHour;
  AuthorityRequest request;
  request.session = program.config.session();
  request.names = inspected(program.profile);
  if (request.names.empty()) return Trust();
  request.now_s = static_cast<int64_t>(time(nullptr));
  const auto longest = static_cast<int64_t>(program.config.max_duration_s());
  request.valid_s = (longest == 0 ? kLongest : longest) + kHour;
  ASSIGN_OR_RETURN(parts.authority, Authority::create(request));
  ASSIGN_OR_RETURN(const Secret authority, parts.authority->kept());
  RETURN_IF_ERROR(kept.keep_authority(authority));
  ASSIGN_OR_RETURN(const SystemRoots roots, SystemRoots::parse(program.config.roots()));
  Trust trust;
  trust.authority = parts.authority->pem();
  ASSIGN_OR_RETURN(trust.bundle, in_memory(roots.bundle(trust.authority)));
  ASSIGN_OR_RETURN(trust.authority_file, in_memory(trust.authority));
  ASSIGN_OR_RETURN(const std::string store, roots.java_store(trust.authority, request.now_s));
  ASSIGN_OR_RETURN(trust.java_store, in_memory(store));
  return trust;
}

/// The workspace trusts the authority of the gateway before already.
Result<Trust> take_trust_over(const Program& program, Parts& parts, const Kept& kept) {
  const std::vector<std::string> names = inspected(program.profile);
  if (!names.empty()) {
    ASSIGN_OR_RETURN(parts.authority, Authority::restore(names, kept.authority()));
  }
  return Trust();
}

Status tell_ready(Program& program, const Trust& trust, const Kept& kept) {
  protocol::GatewayReady ready;
  ready.set_authority(trust.authority);
  std::vector<int> fds;
  if (!program.config.again()) fds.push_back(kept.fd());
  if (!trust.authority.empty()) {
    fds.insert(fds.end(), {trust.bundle.get(), trust.authority_file.get(), trust.java_store.get()});
  }
  return protocol::send_message(program.control, Type::kGatewayReady, ready, fds);
}

std::map<std::string, RulePlace> places_of(const protocol::GatewayConfig& config) {
  std::map<std::string, RulePlace> places;
  for (const protocol::RuleLine& line : config.rule_lines())
    places[line.id()] = {line.file(), static_cast<int>(line.line())};
  return places;
}

Result<HostNetwork> host_network(const protocol::GatewayConfig& config) {
  HostNetwork host;
  ASSIGN_OR_RETURN(host.own, own_addresses());
  for (const std::string& text : config.nat64()) {
    ASSIGN_OR_RETURN(Network prefix, parse_nat64(text));
    host.nat64.push_back(prefix);
  }
  return host;
}

Status run(Program& program) {
  Loop loop(1);
  const std::vector<std::string> servers(program.config.resolvers().begin(),
                                         program.config.resolvers().end());
  ASSIGN_OR_RETURN(const std::unique_ptr<Resolver> resolver, Resolver::open(loop, servers));
  ASSIGN_OR_RETURN(HostNetwork around, host_network(program.config));
  const bool again = program.config.again();
  ASSIGN_OR_RETURN(Kept kept,
                   again ? Kept::take_over(std::move(program.given.kept)) : Kept::create());
  raise_limits();
  // What a gateway left that may have been taken over is read with no more power than it had.
  if (again) {
    warm_up();
    RETURN_IF_ERROR(confine());
  }
  ASSIGN_OR_RETURN(NamesFile names,
                   NamesFile::open(std::move(program.given.names), program.config.window()));
  Report report(loop, std::move(program.given.session));
  Parts parts{loop,
              program.profile,
              report,
              std::move(names),
              Dialer(*resolver, std::move(around), program.config.proxy()),
              SocketCookies(std::move(program.given.diag)),
              Budgets([&kept](std::string_view host, Way way) { return kept.used(host, way); }),
              {},
              FlowNumbers(kept.next_number()),
              {},
              {},
              std::nullopt,
              program.config.roots(),
              std::nullopt,
              program.config.profile_path(),
              places_of(program.config)};
  ASSIGN_OR_RETURN(const Trust trust, again ? take_trust_over(program, parts, kept)
                                            : make_trust(program, parts, kept));
  Gateway gateway(parts, std::move(program.given.sockets));
  report.on_gone = [&loop] { loop.stop(); };
  report.on_message = [&gateway, &report, waits = again](const Message& message) mutable {
    // The session listens: what passes from now on is told of.
    if (message.type == Type::kGo && waits) {
      waits = false;
      gateway.begin_again();
      return gateway.start();
    }
    if (message.type == Type::kGatewayThere) return report.send(Type::kGatewayThere, "");
    if (message.type == Type::kGatewayLease) take_lease(message, gateway);
    if (message.type == Type::kGatewayGrant) {
      const auto grant = protocol::parse_message<protocol::GatewayGrant>(message);
      if (grant.ok()) gateway.grant(grant.value());
      return;
    }
    if (message.type != Type::kGatewayEnd) return;
    gateway.end([&report] { report.send(Type::kGatewayEnded, ""); });
  };
  if (!again) RETURN_IF_ERROR(confine());
  RETURN_IF_ERROR(tell_ready(program, trust, kept));
  if (!again) gateway.start();
  start(loop, report.read_all());
  start(loop, serve_control(program, gateway, loop));
  loop.run();
  return Done{};
}

}  // namespace

int gateway_main(int control_fd) {
  // splice(2) to a socket that its client has left knows no MSG_NOSIGNAL.
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
  Result<Program> configured = configure(control_fd);
  if (!configured.ok()) return 1;
  Program program = configured.take();
  Status done = Done{};
  try {
    done = run(program);
  } catch (const std::exception& thrown) {
    done = Error{std::string("exception: ") + thrown.what()};
  }
  if (done.ok()) return 0;
  // Whoever has hung up needs no telling.
  (void)say_failure(program.control, done.error()).ok();
  return 1;
}

}  // namespace carrel::gateway
