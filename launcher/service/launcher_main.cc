#include "launcher/service/launcher_main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/kernel/own_user_namespace.h"
#include "launcher/box/plan/seccomp_table.h"
#include "launcher/box/probe/manager.h"
#include "launcher/box/probe/probe.h"
#include "launcher/box/sandbox/sandbox.h"
#include "launcher/box/trace/tracer.h"
#include "launcher/service/broker_link.h"
#include "launcher/service/cgroup_home.h"
#include "launcher/service/disks.h"
#include "launcher/service/options.h"
#include "launcher/service/server.h"
#include "launcher/service/service_manager.h"
#include "launcher/service/trusted_folder.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

void tell_ready(int ready_fd, const std::string& text) {
  const std::string line = text + "\n";
  // The one who started us may have given up: we serve the next one.
  (void)!write(ready_fd, line.data(), line.size());
}

Result<std::string> programs_folder() {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (length <= 0) return errno_error("readlink /proc/self/exe");
  const std::string path(self.data(), static_cast<size_t>(length));
  return path.substr(0, path.rfind('/'));
}

/// The same folder by way of the mounts that this process sees now.
Result<UniqueFd> open_again(const UniqueFd& folder) {
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(folder.get());
  if (readlink(link.c_str(), path.data(), path.size() - 1) <= 0) return errno_error("readlink");
  UniqueFd again(open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat before {};
  struct stat after {};
  if (!again.valid() || fstat(folder.get(), &before) != 0 || fstat(again.get(), &after) != 0) {
    return errno_error("open the state folder " + quoted(path.data()));
  }
  if (before.st_dev != after.st_dev || before.st_ino != after.st_ino) {
    return Error{"the state folder " + quoted(path.data()) + " was replaced just now"};
  }
  return again;
}

void block_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
}

void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Result<Programs> load_programs(const plan::HostFacts& facts) {
  ASSIGN_OR_RETURN(std::string folder, programs_folder());
  ASSIGN_OR_RETURN(UniqueFd init, sandbox::load_init(folder + "/carrel-init"));
  ASSIGN_OR_RETURN(UniqueFd slicer, sandbox::load_init(folder + "/carrel-slicer"));
  const auto listener = facts.sensor.back_end == plan::SensorBackEnd::kNotify
                            ? kernel::Listener::kAsked
                            : kernel::Listener::kNone;
  ASSIGN_OR_RETURN(kernel::SeccompPrograms filters, kernel::SeccompPrograms::compile(listener));
  UniqueFd inside(open((folder + "/carrel-inside").c_str(), O_PATH | O_CLOEXEC));
  if (!inside.valid()) return errno_error("open " + folder + "/carrel-inside");
  UniqueFd channel(open((folder + "/carrel-channel").c_str(), O_PATH | O_CLOEXEC));
  if (!channel.valid()) return errno_error("open " + folder + "/carrel-channel");
  return Programs{std::move(folder), std::move(init),    std::move(slicer),
                  std::move(inside), std::move(channel), std::move(filters)};
}

/// Loads the sensor; where it cannot be had the facts say why, and every opening is refused.
std::unique_ptr<trace::Tracer> load_sensor(const CgroupHome& home, plan::HostFacts& facts,
                                           const Log& log) {
  trace::TracerOptions options;
  options.folder_id = home.id;
  options.folder_level = home.level;
  options.folder = home.folder.folders().unified;
  for (const plan::ReportedCall& call : plan::reported_numbers(plan::contractor_table()))
    options.refused.push_back({call.number, call.error});
  auto loaded = trace::Tracer::load(options);
  if (!loaded.ok()) {
    facts.sensor = {plan::SensorBackEnd::kNone, to_string(loaded.error())};
    log("sensor.missing why=" + quoted(facts.sensor.reason));
    return nullptr;
  }
  const std::string& no_flows = loaded.value()->why_no_flows();
  facts.sensor = {plan::SensorBackEnd::kSyscall, "the back end vfs is not built yet", no_flows};
  log(std::string("sensor.loaded variant=") + loaded.value()->variant() +
      (no_flows.empty() ? "" : " no-flows=" + quoted(no_flows)));
  return loaded.take();
}

/// What the launcher has of its host: root a folder of control groups and the kernel's sensor, an
/// ordinary user groups where they were handed on.
struct HostParts {
  std::optional<CgroupHome> cgroups;
  std::unique_ptr<trace::Tracer> tracer;

  Status make(const State& state, plan::HostFacts& facts, const Log& log) {
    if (!facts.root) {
      facts.sensor = plan::sensor_of_ordinary_user(facts);
      cgroups = make_delegated_home(facts.cgroup, state.directory.get(), state.run.get(), log);
      return Done{};
    }
    ASSIGN_OR_RETURN(CgroupHome home,
                     make_cgroup_home(facts.cgroup, state.directory.get(), state.run.get(), log));
    const kernel::CgroupRoots& folders = home.folder.folders();
    facts.cgroup.memory_v2 = folders.memory_v2;
    facts.cgroup.pids_v2 = folders.pids_v2;
    facts.cgroup.cpu_v2 = folders.cpu_v2;  // what the kernel keeps is missing
    tracer = load_sensor(home, facts, log);
    cgroups.emplace(std::move(home));
    return Done{};
  }
  void remove(const State& state) {
    if (cgroups.has_value()) remove_home(*cgroups, state.run.get());
  }
};

/// Where this process stands: in the host's namespaces as root, or as an ordinary user (`caller`)
/// in namespaces of that user's own.
struct Standing {
  std::optional<uid_t> caller;
  bool delegated = false;  // their service manager handed their control group on
  kernel::MountNamespaces namespaces;
  Porter porter;  // of an ordinary user
};

/// The network namespace has nothing in it and nobody else: a launcher needs no network, and cannot
/// come back to one that it does not own after it has been in a workspace's.
Result<Standing> take_stand() {
  Standing standing;
  if (geteuid() == 0) {
    if (!probe::is_host_root()) {
      return Error{
          "uid 0 without the host's powers (of a container or a user namespace) can open no "
          "workspace: run carrel as an ordinary user, or as root of the host",
          EPERM};
    }
    ASSIGN_OR_RETURN(standing.namespaces, kernel::leave_mount_namespace());
    return standing;
  }
  standing.delegated = probe::manager_delegates();     // it knows them by their uid out here
  ASSIGN_OR_RETURN(standing.porter, Porter::start());  // while we are where gateways belong
  ASSIGN_OR_RETURN(const kernel::OuterIds ids, kernel::enter_own_user_namespace_as_user());
  standing.caller = ids.uid;
  ASSIGN_OR_RETURN(standing.namespaces, kernel::leave_mount_namespace_for_good());
  RETURN_IF_ERROR(kernel::leave_network());
  return standing;
}

/// Who waits for us to be ready: whoever started us, or a service manager.
struct Starter {
  int ready_fd = -1;
  std::string manager;  // "": none

  /// The Error: they could not be told, and may take us for hung.
  [[nodiscard]] Status say_ready() const {
    if (ready_fd < 0) return tell_manager(manager, "READY=1\nSTATUS=serves this host's users");
    tell_ready(ready_fd, "ready");
    close(ready_fd);
    return Done{};
  }
};

Status serve(State& state, const Standing& standing, const Log& log, const LauncherOptions& options,
             const Starter& starter) {
  const bool service = options.service.has_value();
  plan::HostFacts facts = probe::probe_host(state.directory.get(), standing.delegated);
  HostParts host;
  RETURN_IF_ERROR(host.make(state, facts, log));
  const Status swept = sweep_all(state);
  if (!swept.ok()) log("state.left why=" + quoted(to_string(swept.error())));
  if (facts.storage.kind == plan::StorageKind::kImage) facts.storage = try_storage(state);
  if (facts.storage.kind == plan::StorageKind::kFolder) {
    log("storage.folders why=" + quoted(facts.storage.reason));
  }
  Result<Programs> programs = load_programs(facts);
  Result<BrokerLink> started =
      programs.ok() ? BrokerLink::start(programs.value().folder, state, standing.caller)
                    : Result<BrokerLink>(programs.error());
  if (!started.ok()) {
    host.remove(state);
    return started.take_error();
  }
  BrokerLink broker = started.take();
  // The broker's alone: held here, too, it would take in callers whom a dead broker cannot answer.
  // A service keeps it for the next broker, which will.
  if (!service) state.broker_listener.reset();
  if (service) RETURN_IF_ERROR(publish_policy(state));
  log("ready pid=" + std::to_string(getpid()) + (service ? " service=1" : ""));
  const Status told = starter.say_ready();
  if (!told.ok()) log("manager.untold why=" + quoted(to_string(told.error())));
  Server server({facts, state, host.cgroups.has_value() ? &host.cgroups->folder : nullptr,
                 programs.value(), standing.namespaces, host.tracer.get(), broker, log,
                 standing.porter, standing.caller, options.idle_ms,
                 uint64_t{options.host_floor_mib} << 20, uint64_t{options.host_low_mib} << 20,
                 service, options.linger_ms});
  const Status served = server.run();
  remove_sockets(state);
  broker.stop();
  host.remove(state);
  return served;
}

/// Of a service: both are root's, below folders that nobody else can change.
Result<std::pair<UniqueFd, UniqueFd>> open_folders(const ServiceFolders& folders) {
  if (geteuid() != 0) {
    return Error{
        "a service of this host's users is root's: run it as root (systemctl start carrel)", EPERM};
  }
  ASSIGN_OR_RETURN(UniqueFd state, make_roots_folder(folders.state));
  ASSIGN_OR_RETURN(UniqueFd sockets, make_roots_folder(folders.sockets));
  struct stat what {};
  if (fstat(sockets.get(), &what) != 0) return errno_error("stat " + quoted(folders.sockets));
  if ((what.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{
        quoted(folders.sockets) + " is writable by others, who could put their sockets there",
        EPERM};
  }
  return std::pair{std::move(state), std::move(sockets)};
}

Status start(const LauncherOptions& options, Log* log) {
  umask(022);
  block_signals();
  allow_many_descriptors();
  const Starter starter{options.ready_fd, take_manager_address()};
  UniqueFd given(options.state_fd);
  UniqueFd sockets;
  if (options.service.has_value()) {
    ASSIGN_OR_RETURN(std::tie(given, sockets), open_folders(*options.service));
  }
  ASSIGN_OR_RETURN(const Standing standing, take_stand());
  ASSIGN_OR_RETURN(UniqueFd folder, open_again(given));
  if (sockets.valid()) {
    ASSIGN_OR_RETURN(sockets, open_again(sockets));
  }
  const auto owner = standing.caller.has_value() ? StateOwner::kCaller : StateOwner::kRoot;
  ASSIGN_OR_RETURN(State state, open_state(std::move(folder), owner, std::move(sockets)));
  if (options.service.has_value()) {
    ASSIGN_OR_RETURN(state.credentials, open_unit_credentials());
  }
  *log = log_to(state.log.get());
  const Status served = serve(state, standing, *log, options, starter);
  if (served.ok()) {
    (*log)("ended");
  } else {
    remove_sockets(state);
    (*log)("failed why=" + quoted(to_string(served.error())));
  }
  *log = nullptr;  // its descriptor goes with the state
  return served;
}

}  // namespace

int launcher_main(int argc, const char* const* argv) {
  const auto options = parse_launcher_options(argc, argv);
  if (!options.ok()) {
    const std::string text = "carrel-launcher: " + options.error().what + "\n";
    (void)!write(STDERR_FILENO, text.data(), text.size());
    return 1;
  }
  if (options.value().help) {
    const std::string text = launcher_help();
    return write(STDOUT_FILENO, text.data(), text.size()) < 0 ? 1 : 0;
  }
  Log log;
  Status done = Done{};
  try {
    done = start(options.value(), &log);
  } catch (const std::exception& thrown) {
    done = Error{std::string("exception: ") + thrown.what()};
  }
  if (done.ok()) return 0;
  const std::string why = quoted(to_string(done.error()));
  if (options.value().service.has_value()) {
    const std::string text = "carrel launcher: " + why + "\n";
    (void)!write(STDERR_FILENO, text.data(), text.size());
  } else {
    tell_ready(options.value().ready_fd, why);
  }
  return 1;
}

}  // namespace carrel::service
