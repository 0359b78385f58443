#include "launcher/service/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "launcher/service/cgroup_home.h"
#include "launcher/service/disks.h"
#include "launcher/service/kept_disk.h"
#include "launcher/service/processes.h"
#include "launcher/service/spec_check.h"
#include "profiles/base/text.h"
#include "profiles/parse/canonical.h"

namespace carrel::service {

using protocol::Connection;
using protocol::Message;
using protocol::Type;

namespace {

constexpr size_t kMaxClients = 256;
constexpr uint64_t kFillAgainMs = 60'000;
constexpr int kNotGranted = 121;
constexpr int kHostCannot = 122;
constexpr int kSetupFailed = 123;

uint64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

void refuse(Connection& client, int code, const std::string& text) {
  // Whoever does not listen any more needs no answer.
  (void)protocol::send_message(client, Type::kEnded, setup_failure(code, text)).ok();
}

}  // namespace

bool Server::may_end() {
  if (!live_.empty() || !waiting_.empty() || !ending_.empty() || !writers_.empty()) return false;
  if (stopping_) return true;
  if (parts_.is_service) return false;
  if (parts_.broker.lost()) return true;
  return clients_.empty() && now_ms() - idle_since_ms_ >= parts_.idle_ms && is_alone();
}

/// Whoever is about to ask holds the start-up lock until its question has been sent. From here on
/// the lock is ours until the end: the next one finds no sockets, and starts another pair.
bool Server::is_alone() {
  if (flock(parts_.state.startup.get(), LOCK_EX | LOCK_NB) != 0) return false;
  pollfd look{parts_.state.launcher_listener.get(), POLLIN, 0};
  if (poll(&look, 1, 0) == 0) {
    remove_sockets(parts_.state);
    return true;
  }
  (void)flock(parts_.state.startup.get(), LOCK_UN);
  return false;
}

Status Server::run() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return errno_error("signalfd");
  idle_since_ms_ = broker_since_ms_ = now_ms();
  while (!may_end())
    RETURN_IF_ERROR(wait());
  if (filling_ > 0) wait_or_kill(filling_, 2000);
  lingering_.clear();
  end_ways(ways_.give_up());
  if (!failed_.empty()) return Error{failed_};
  return Done{};
}

Status Server::wait() {
  const bool takes = !stopping_ && !parts_.broker.lost() && clients_.size() < kMaxClients;
  std::vector<pollfd> polls = {{takes ? parts_.state.launcher_listener.get() : -1, POLLIN, 0},
                               {parts_.broker.lost() ? -1 : parts_.broker.fd(), POLLIN, 0},
                               {signals_.get(), POLLIN, 0}};
  std::vector<Client*> clients;
  for (Client& client : clients_) {
    clients.push_back(&client);
    polls.push_back({client.connection.fd(), POLLIN, 0});
  }
  std::vector<Live*> live;
  for (Live& each : live_) {
    live.push_back(&each);
    polls.push_back({each.channel.valid() ? each.channel.fd() : -1, POLLIN, 0});
  }
  const uint64_t patience_ms = look_again_ms(now_ms());
  if (poll(polls.data(), polls.size(), static_cast<int>(patience_ms)) < 0 && errno != EINTR)
    return errno_error("poll");
  if (polls[1].revents != 0) parts_.broker.look();
  for (size_t i = 0; i < live.size(); ++i) {
    if (polls[3 + clients.size() + i].revents != 0) answer(*live[i]);
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    if (polls[3 + i].revents != 0 || now_ms() >= clients[i]->deadline_ms) serve(*clients[i]);
  }
  std::erase_if(clients_, [](const Client& client) { return !client.connection.valid(); });
  if (polls[0].revents != 0) take_connections();
  if (polls[2].revents != 0) reap();
  serve_waiting(now_ms());
  serve_ending(now_ms());
  notice_lost_broker(now_ms());
  restart_broker(now_ms());
  watch_host(now_ms());
  erase_due(now_ms());
  give_up_disks(now_ms());
  fill_pool_aside(now_ms());
  add_way_aside(now_ms());
  return Done{};
}

// ---- one opening -------------------------------------------------------------------------------

void Server::launch(Granted granted) {
  Connection& client = granted.client;
  const Status sane = check_spec(granted.spec);
  if (!sane.ok()) return refuse(client, kSetupFailed, to_string(sane.error()));
  Result<model::Profile> profile = parse::parse_canonical(granted.spec.canonical());
  if (!profile.ok()) return refuse(client, kSetupFailed, to_string(profile.error()));
  if (parts_.facts.sensor.back_end == plan::SensorBackEnd::kNone) {
    const Status lacks = plan::check_host(profile.value(), parts_.facts);
    return refuse(client, kHostCannot,
                  lacks.ok() ? "the sensor is not loaded" : to_string(lacks.error()));
  }
  const size_t brought = parts_.is_service ? 0 : profile.value().repositories.size();
  if (granted.fds.size() != brought + 1) {
    return refuse(client, kNotGranted,
                  parts_.is_service
                      ? "this host's service opens the repositories of a task itself: "
                        "it takes no descriptor of one"
                      : "not exactly one descriptor per repository came");
  }
  if (const auto why = why_no_room()) return refuse(client, kSetupFailed, *why);
  Opening opening;
  opening.spec = std::move(granted.spec);
  opening.request = std::move(granted.request);
  opening.profile = profile.take();
  opening.client = std::move(granted.client);
  opening.stream = std::move(granted.fds.back());
  granted.fds.pop_back();
  opening.repositories = std::move(granted.fds);
  Live live;
  live.session = opening.spec.session();
  live.workspace = opening.spec.workspace();
  opening.disk = lingering_.take(live.workspace);
  ways_.stir(now_ms());
  take_way(opening, live, now_ms());
  Status ready = prepare(opening, live);
  if (ready.ok()) ready = spawn(opening, live);
  if (!ready.ok()) {
    if (opening.way.has_value()) (void)opening.way->end();  // it was given nothing
    (void)release(live);
    return refuse(opening.client, kSetupFailed, to_string(ready.error()));
  }
  parts_.log("session.begun session=" + live.session + " pid=" + std::to_string(live.pid));
  live_.push_back(std::move(live));
}

/// What only this process can make, because it outlives the opening: slots, cgroup, sensor. An
/// ordinary user has at most the cgroup: the opening makes their sensor itself.
Status Server::prepare(Opening& opening, Live& live) {
  if (parts_.facts.root) RETURN_IF_ERROR(take_slots(opening, live));
  if (parts_.cgroups != nullptr) RETURN_IF_ERROR(make_group(opening, live));
  if (parts_.tracer == nullptr) return Done{};
  ASSIGN_OR_RETURN(const uint64_t id, live.cgroup->id());
  RETURN_IF_ERROR(parts_.tracer->attach());
  ASSIGN_OR_RETURN(opening.sensor, parts_.tracer->open_session(id));
  live.sensor_slot = opening.sensor.slot + 1;  // 0: none
  return Done{};
}

Status Server::make_group(Opening& opening, Live& live) {
  const plan::Ceilings most = plan::ceilings_of(parts_.facts.cgroup, opening.profile.limits);
  const kernel::CgroupCeilings ceilings{most.memory_bytes, most.processes, most.cpu_milli};
  ASSIGN_OR_RETURN(kernel::CgroupLeaf leaf,
                   kernel::CgroupLeaf::create(*parts_.cgroups, live.session, ceilings));
  live.cgroup = std::make_unique<kernel::CgroupLeaf>(std::move(leaf));
  opening.cgroup = live.cgroup.get();
  return Done{};
}

/// Takes back what prepare() gave. The processes first: nothing runs that the sensor does not see.
/// Whether none is left.
bool Server::release(Live& live) {
  bool empty = true;
  if (live.cgroup != nullptr) {
    Status gone = live.cgroup->kill_all(10'000);
    empty = gone.ok();
    if (gone.ok()) gone = live.cgroup->remove();
    if (!gone.ok()) {
      parts_.log("cgroup.left session=" + live.session + " why=" + quoted(to_string(gone.error())));
    }
  }
  if (live.sensor_slot != 0) {
    const Status closed = parts_.tracer->close_session(live.sensor_slot - 1);
    if (!closed.ok()) parts_.log("sensor.failed why=" + quoted(to_string(closed.error())));
  }
  if (live_.empty() && parts_.tracer != nullptr) parts_.tracer->detach();
  // An uid that something still runs as is nobody else's.
  if (!empty) return false;
  slots_.give_back(live.uid_base);
  slots_.give_back(live.slicer_uid_base);
  return true;
}

Status Server::spawn(Opening& opening, Live& live) {
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  live.channel = Connection(std::move(ours));
  opening.server = Connection(std::move(theirs));
  const pid_t server = getpid();
  live.pid = fork();
  if (live.pid < 0) return errno_error("fork for the opening");
  if (live.pid == 0) {
    live.channel.close();
    become_opening(opening, server);
  }
  return Done{};
}

/// In a child: keeps nothing that another session or the broker would miss the end of.
void Server::leave_others_alone() {
  for (Live& each : live_) {
    each.channel.close();
    each.disk.reset();
  }
  clients_.clear();
  waiting_.clear();
  ending_.clear();
  lingering_.clear();
  (void)ways_.give_up();
  signals_.reset();
  parts_.broker.let_go();
  close(parts_.state.launcher_listener.get());
  close(parts_.state.lock.get());
  if (parts_.state.broker_listener.valid()) close(parts_.state.broker_listener.get());
}

/// In the child.
void Server::become_opening(Opening& opening, pid_t server) {
  prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (getppid() != server) _exit(1);  // it died before we asked to be told
  leave_others_alone();
  sigset_t child{};
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_UNBLOCK, &child, nullptr);
  const OpeningTools tools{parts_.facts,
                           parts_.state,
                           parts_.cgroups,
                           parts_.programs,
                           parts_.namespaces,
                           parts_.tracer,
                           parts_.log,
                           parts_.porter,
                           parts_.host_floor_bytes,
                           parts_.linger_ms != 0,
                           parts_.is_service};
  try {
    run_opening(tools, opening);
  } catch (const std::exception& thrown) {
    parts_.log("opening.exception session=" + opening.spec.session() +
               " why=" + quoted(thrown.what()));
    _exit(1);
  }
  _exit(0);
}

/// What an opening says: what its session begins with, and at its end its disk.
void Server::answer(Live& live) {
  const Result<bool> open = live.channel.fill();
  Result<std::optional<Message>> message = live.channel.next();
  if (!message.ok() || !message.value().has_value()) {
    if (!message.ok() || !open.ok() || !open.value()) live.channel.close();
  } else if (message.value()->type == kKeptDisk) {
    take_disk(live, std::move(*message.take()));
  } else {
    answer_start(live, *message.value());
  }
}

/// The opening asks for its session's channel to the broker, once.
void Server::answer_start(Live& live, const Message& message) {
  const auto start = protocol::parse_message<protocol::SessionStart>(message);
  Result<UniqueFd> channel = Error{"asked out of turn", EPROTO};
  const bool fits = start.ok() && start.value().session() == live.session && !live.started;
  if (fits) channel = parts_.broker.start_session(start.value());
  if (channel.ok()) {
    live.started = true;
    ways_.stir(now_ms());
    const UniqueFd given = channel.take();
    const int fds[] = {given.get()};
    (void)live.channel.send(Type::kAck, "", fds).ok();  // a dead opening is reaped anyway
    return;
  }
  protocol::Failure failure;
  failure.set_code(kSetupFailed);
  failure.set_text(to_string(channel.error()));
  (void)protocol::send_message(live.channel, Type::kFailure, failure).ok();
}

// ---- ends --------------------------------------------------------------------------------------

void Server::reap() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGTERM) stop();
  }
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    const bool secrets = parts_.broker.secrets_ended(pid);
    if (secrets) note_lost_secrets(status, now_ms());
    if (secrets || end_writer(pid, status)) continue;
    const auto found = std::find_if(live_.begin(), live_.end(),
                                    [pid](const Live& each) { return each.pid == pid; });
    if (pid == filling_) {
      filling_ = -1;
      // A full disk is not asked again and again.
      fill_after_ms_ =
          now_ms() + (WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : kFillAgainMs);
    }
    if (found == live_.end()) continue;
    Live live = std::move(*found);
    live_.erase(found);
    finish(live, status);
  }
}

/// What an opening that died could not undo: its slicer, and a workspace that no session has seen.
/// Not in another process, as after a session: what was sliced so far is small, and this is rare.
void Server::sweep(const Live& live) {
  Status swept = parts_.cgroups != nullptr
                     ? clear_groups(*parts_.cgroups, live.session + "-")
                     : Status(Done{});  // its init ended with the control socket
  if (swept.ok() && !live.started) {
    swept = sweep_workspace(parts_.state, live.workspace);
  }
  if (!swept.ok()) {
    parts_.log("opening.left session=" + live.session + " why=" + quoted(to_string(swept.error())));
  }
}

void Server::finish(Live& live, int status) {
  const bool proper = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  Status swept = Done{};
  if (!proper) sweep(live);
  if (proper && parts_.cgroups != nullptr) {
    // What the opening could not end of ssh servers; nothing, in all but a few cases.
    swept = clear_groups(*parts_.cgroups, live.session + "-");
    if (!swept.ok())
      parts_.log("cgroup.left session=" + live.session +
                 " why=" + quoted(to_string(swept.error())));
  }
  if (proper && live.channel.valid()) answer(live);  // its last word
  const bool empty = release(live);
  if (proper && empty && swept.ok()) keep_disk(live, now_ms());
  const std::string how = proper ? "ended" : "opening died, wait status " + std::to_string(status);
  if (live.started && !parts_.broker.lost()) {
    const Status told = parts_.broker.session_gone(live.session, how);
    if (!told.ok()) parts_.log("broker.failed why=" + quoted(to_string(told.error())));
  }
  parts_.log("session.gone session=" + live.session + " how=" + quoted(how));
  idle_since_ms_ = now_ms();
  ways_.settle(now_ms());
}

void Server::stop() {
  stopping_ = true;
  end_ways(ways_.give_up());
  lingering_.clear();
  remove_sockets(parts_.state);
  for (const Live& live : live_)
    kill(live.pid, SIGTERM);
}

}  // namespace carrel::service
