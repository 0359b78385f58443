#include "launcher/service/opening.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <optional>

#include "broker/record/evidence/sha256.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/sandbox/sandbox.h"
#include "launcher/service/folders.h"
#include "launcher/service/recorder.h"
#include "launcher/service/slicing.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

using kernel::Tree;
using protocol::Message;
using protocol::Type;

constexpr int kSetupFailed = 123;
constexpr int kHostCannot = 122;
constexpr int kPersonLeft = 125;
constexpr int kKilled = 137;
constexpr int kEmptyMs = 10'000;
constexpr int kTellMs = 120'000;  // what a session may take to close its record
constexpr int kLastWordsMs = 20'000;

/// One repository's descriptors for the session.
struct SessionTree {
  UniqueFd tree;
  UniqueFd manifest;
  UniqueFd pristine;
};

struct Pipes {
  UniqueFd inside[3];   // the payload's ends
  UniqueFd outside[3];  // the session's: write end of stdin, read ends of stdout and stderr
};

class Opener {
 public:
  Opener(const OpeningTools& tools, Opening& opening) : tools_(tools), opening_(opening) {}
  void run();

 private:
  Status open();
  Status make_slices();
  Status slice_one(size_t index, int workspace_fd);
  Status make_the_plan();
  Status ask_for_channel();
  Status make_credentials_folder();
  Status make_session_trees();
  Status make_pipes();
  Status start_recorder();
  Status start_box();
  Status begin();
  Result<std::vector<UniqueFd>> open_sources();
  Result<UniqueFd> session_tree(int folder_fd);
  [[nodiscard]] protocol::SessionConfig session_config() const;
  [[nodiscard]] protocol::Started started() const;
  [[nodiscard]] std::string folder_path() const;
  [[nodiscard]] bool client_gone() const;
  [[nodiscard]] bool is_unwanted() const;

  void fail(const Status& why);
  void supervise();
  void end_box();
  void tell(const protocol::Ended& ended);
  void undo();

  const OpeningTools& tools_;
  Opening& opening_;
  int code_ = kSetupFailed;   // of the next failure
  bool person_left_ = false;  // before there was a session to say so in its record
  std::vector<std::function<void()>> undos_;
  plan::SandboxPlan plan_;
  UniqueFd workspace_;  // its folder
  std::vector<SlicedRepository> slices_;
  UniqueFd network_;
  UniqueFd broker_channel_;
  UniqueFd credentials_;         // the tmpfs's mount
  UniqueFd credentials_folder_;  // its root, for the session
  UniqueFd gate_read_, gate_write_, init_control_, session_control_;
  Pipes pipes_;
  std::vector<SessionTree> trees_;
  std::optional<Recorder> recorder_;
  std::optional<protocol::Finished> finished_;
  sandbox::Running box_;
};

Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string host_name() {
  utsname name{};
  return uname(&name) == 0 ? std::string(name.nodename) : "unknown";
}

uint64_t shorter_of(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return a + b;
  return std::min(a, b);
}

/// SIGTERM is blocked, so that supervise() can read it: until then it waits, and is seen here.
bool is_told_to_end() {
  sigset_t waiting{};
  return sigpending(&waiting) == 0 && sigismember(&waiting, SIGTERM) == 1;
}

// ---- before the session ------------------------------------------------------------------------

bool Opener::client_gone() const {
  pollfd look{opening_.client.fd(), POLLRDHUP, 0};
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool Opener::is_unwanted() const {
  return is_told_to_end() || client_gone();
}

std::string Opener::folder_path() const {
  return tools_.state.path + "/workspaces/" + opening_.spec.workspace();
}

Status Opener::slice_one(size_t index, int workspace_fd) {
  const model::Repository& repository = opening_.profile.repositories[index];
  ASSIGN_OR_RETURN(UniqueFd folder,
                   make_workspace_folder(workspace_fd, repository.name, FolderOwner::kWorkspace));
  SliceJob job;
  job.repository = &repository;
  job.repository_fd = opening_.repositories[index].get();
  job.output_fd = folder.get();
  job.uid_base = opening_.slicer_uid_base;
  job.cgroups = &tools_.cgroups;
  job.cgroup_name = opening_.spec.session() + "-slicer";
  job.namespaces = &tools_.namespaces;
  job.init_fd = tools_.programs.init.get();
  job.slicer_fd = tools_.programs.slicer.get();
  job.filters = &tools_.programs.filters;
  job.gone = [this] { return is_unwanted(); };
  SliceFailure failure;
  if (!make_slice(tools_.facts, job, &failure).ok()) {
    code_ = failure.code;
    person_left_ = client_gone();
    return Error{failure.text};
  }
  ASSIGN_OR_RETURN(SlicedRepository sliced, open_sliced(repository.name, std::move(folder)));
  slices_.push_back(std::move(sliced));
  return Done{};
}

Status Opener::make_slices() {
  const std::string name = opening_.spec.workspace();
  ASSIGN_OR_RETURN(workspace_,
                   make_workspace_folder(tools_.state.workspaces.get(), name, FolderOwner::kRoot));
  undos_.emplace_back([this, name] {
    const Status removed = remove_tree(tools_.state.workspaces.get(), name);
    if (!removed.ok()) {
      tools_.log("workspace.left folder=" + name + " why=" + quoted(to_string(removed.error())));
    }
  });
  for (size_t i = 0; i < opening_.profile.repositories.size(); ++i)
    RETURN_IF_ERROR(slice_one(i, workspace_.get()));
  return Done{};
}

Status Opener::make_the_plan() {
  plan::PlanRequest request;
  request.uid_base = opening_.uid_base;
  for (const SlicedRepository& slice : slices_) {
    plan::RepositoryView view{slice.name, {}};
    for (const manifest::ReadOnlyEntry& entry : slice.head.read_only) {
      ASSIGN_OR_RETURN(RelPath path, RelPath::parse(entry.path));
      view.read_only.push_back(
          {std::move(path), entry.folder ? plan::TargetType::kFolder : plan::TargetType::kFile});
    }
    request.repositories.push_back(std::move(view));
  }
  request.command.assign(opening_.spec.command().begin(), opening_.spec.command().end());
  request.terminal = opening_.spec.tty() ? plan::Terminal::kPty : plan::Terminal::kPipes;
  if (!opening_.request.term().empty()) {
    request.environment.emplace_back("TERM", opening_.request.term());
  }
  if (!opening_.request.lang().empty()) {
    request.environment.emplace_back("LANG", opening_.request.lang());
  }
  request.person_name = opening_.spec.person();
  std::string mailbox = opening_.spec.person();
  std::replace(mailbox.begin(), mailbox.end(), ':', '.');
  request.person_email = mailbox + "@carrel.invalid";
  ASSIGN_OR_RETURN(plan_, plan::make_plan(opening_.profile, tools_.facts, request));
  return Done{};
}

Status Opener::ask_for_channel() {
  protocol::SessionStart start;
  start.set_session(opening_.spec.session());
  start.set_host(host_name());
  start.set_mode("root");
  RETURN_IF_ERROR(protocol::send_message(opening_.server, Type::kSessionStart, start));
  ASSIGN_OR_RETURN(std::optional<Message> answer, opening_.server.receive(kLastWordsMs));
  if (!answer.has_value()) return Error{"the launcher's server is gone", EPIPE};
  if (answer->type == Type::kFailure) {
    ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(*answer));
    return Error{quoted(failure.text())};
  }
  if (answer->fds.size() != 1) return Error{"no channel to the broker came", EPROTO};
  broker_channel_ = std::move(answer->fds[0]);
  return Done{};
}

Status Opener::make_credentials_folder() {
  const uint32_t recorder = opening_.uid_base + 2;
  ASSIGN_OR_RETURN(credentials_,
                   kernel::new_tmpfs({recorder, recorder, 0755, uint64_t{1} << 20, 1024}));
  credentials_folder_.reset(openat(credentials_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!credentials_folder_.valid()) return errno_error("open the credentials' folder");
  return Done{};
}

/// The working tree as the session's own files, read-only, for the difference at the end.
Result<UniqueFd> Opener::session_tree(int folder_fd) {
  ASSIGN_OR_RETURN(const UniqueFd place, open_beneath(folder_fd, "tree", O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd mount, kernel::clone_tree(place.get(), Tree::kOne));
  ASSIGN_OR_RETURN(const UniqueFd map,
                   kernel::make_id_map({plan::kOnDiskOwner, opening_.uid_base + 2}));
  RETURN_IF_ERROR(kernel::idmap_mount(mount.get(), map.get()));
  RETURN_IF_ERROR(kernel::set_mount_attributes(
      mount.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      Tree::kOne));
  UniqueFd root(openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return errno_error("open the working tree for the session");
  return root;
}

Status Opener::make_session_trees() {
  for (SlicedRepository& slice : slices_) {
    SessionTree tree;
    ASSIGN_OR_RETURN(tree.tree, session_tree(slice.folder.get()));
    tree.manifest = std::move(slice.manifest);
    ASSIGN_OR_RETURN(tree.pristine,
                     open_beneath(slice.folder.get(), "pristine", O_RDONLY | O_DIRECTORY));
    trees_.push_back(std::move(tree));
  }
  return Done{};
}

Status Opener::make_pipes() {
  auto gate = make_pipe();
  if (!gate.ok()) return gate.take_error();
  std::tie(gate_read_, gate_write_) = gate.take();
  std::array<int, 2> control{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) != 0) {
    return errno_error("socketpair");
  }
  session_control_.reset(control[0]);
  init_control_.reset(control[1]);
  if (opening_.spec.tty()) return Done{};
  for (size_t i = 0; i < 3; ++i) {
    auto made = make_pipe();
    if (!made.ok()) return made.take_error();
    auto [read_end, write_end] = made.take();
    // The payload's own, so that it can open /dev/stdin, /dev/stdout and /dev/stderr like
    // anybody's.
    const uid_t payload = opening_.uid_base + 1;
    if (fchown(read_end.get(), payload, payload) != 0) return errno_error("own a standard stream");
    pipes_.inside[i] = i == 0 ? std::move(read_end) : std::move(write_end);
    pipes_.outside[i] = i == 0 ? std::move(write_end) : std::move(read_end);
  }
  return Done{};
}

// ---- session and box ---------------------------------------------------------------------------

protocol::SessionConfig Opener::session_config() const {
  protocol::SessionConfig config;
  *config.mutable_spec() = opening_.spec;
  config.set_host(host_name());
  config.set_mode("root");
  config.set_sensor("syscall");
  config.set_asked(opening_.profile.session.assurance == model::AssuranceLevel::kFull ? "full"
                                                                                      : "best");
  for (const plan::Guarantee& guarantee : plan_.guarantees) {
    protocol::AssuranceItem* item = config.add_assurance();
    item->set_id(std::string(plan::to_string(guarantee.id)));
    item->set_given(guarantee.given);
    item->set_why(guarantee.why);
  }
  config.set_columns(opening_.request.columns());
  config.set_rows(opening_.request.rows());
  for (const SlicedRepository& slice : slices_)
    config.add_repositories()->set_name(slice.name);
  config.set_profile_sha256(
      std::string(evidence::as_view(evidence::sha256(opening_.spec.canonical()))));
  config.set_ring_bytes(opening_.sensor.ring_bytes);
  config.set_folder(folder_path());
  config.set_max_duration_s(
      shorter_of(opening_.profile.session.max_duration_s, opening_.request.timeout_s()));
  return config;
}

Status Opener::start_recorder() {
  const kernel::CgroupLeaf& cgroup = *opening_.cgroup;
  ASSIGN_OR_RETURN(const UniqueFd events, cgroup.open_control("cgroup.events", O_RDONLY));
  ASSIGN_OR_RETURN(const UniqueFd kill, cgroup.open_control("cgroup.kill", O_WRONLY));
  ASSIGN_OR_RETURN(Recorder recorder, Recorder::start(tools_.programs.folder + "/carrel-session",
                                                      opening_.uid_base + 2));
  recorder_.emplace(std::move(recorder));
  std::vector<int> fds = {opening_.stream.get(),
                          broker_channel_.get(),
                          session_control_.get(),
                          opening_.sensor.ring_fd.get(),
                          opening_.sensor.counters_fd.get(),
                          events.get(),
                          kill.get(),
                          credentials_folder_.get(),
                          gate_write_.get()};
  if (!opening_.spec.tty()) {
    for (const UniqueFd& end : pipes_.outside)
      fds.push_back(end.get());
  }
  for (const SessionTree& tree : trees_)
    fds.insert(fds.end(), {tree.tree.get(), tree.manifest.get(), tree.pristine.get()});
  RETURN_IF_ERROR(recorder_->configure(session_config(), fds));
  // What the session holds now must end with the session.
  opening_.stream.reset();
  broker_channel_.reset();
  session_control_.reset();
  gate_write_.reset();
  trees_.clear();
  for (UniqueFd& end : pipes_.outside)
    end.reset();
  return Done{};
}

Result<std::vector<UniqueFd>> Opener::open_sources() {
  std::vector<UniqueFd> sources;
  for (const plan::Source& source : plan_.sources) {
    if (source.kind == plan::SourceKind::kCredentials) {
      ASSIGN_OR_RETURN(UniqueFd mount, kernel::second_mount(credentials_.get(), workspace_.get()));
      sources.push_back(std::move(mount));
      continue;
    }
    const auto slice =
        std::find_if(slices_.begin(), slices_.end(),
                     [&](const SlicedRepository& each) { return each.name == source.repository; });
    if (slice == slices_.end()) return Error{"no slice of " + quoted(source.repository)};
    const std::string path =
        source.kind == plan::SourceKind::kTree ? "tree" : "ro/" + std::to_string(source.entry);
    ASSIGN_OR_RETURN(const UniqueFd place, open_beneath(slice->folder.get(), path, O_PATH));
    ASSIGN_OR_RETURN(UniqueFd mount, kernel::clone_tree(place.get(), Tree::kOne));
    sources.push_back(std::move(mount));
  }
  return sources;
}

Status Opener::start_box() {
  ASSIGN_OR_RETURN(const UniqueFd map,
                   kernel::make_id_map({plan::kOnDiskOwner, plan_.uids.payload_host()}));
  sandbox::Resources resources;
  resources.network_fd = network_.get();
  resources.cgroup = opening_.cgroup;
  ASSIGN_OR_RETURN(resources.sources, open_sources());
  resources.idmap_fd = map.get();
  resources.control_fd = init_control_.get();
  resources.gate_fd = gate_read_.get();
  resources.stdin_fd = pipes_.inside[0].get();
  resources.stdout_fd = pipes_.inside[1].get();
  resources.stderr_fd = pipes_.inside[2].get();
  resources.init_fd = tools_.programs.init.get();
  resources.filters = &tools_.programs.filters;
  ASSIGN_OR_RETURN(box_, sandbox::start(plan_, resources));
  init_control_.reset();
  gate_read_.reset();
  for (UniqueFd& end : pipes_.inside)
    end.reset();
  network_.reset();
  credentials_.reset();
  credentials_folder_.reset();
  return Done{};
}

protocol::Started Opener::started() const {
  protocol::Started started;
  started.set_session(opening_.spec.session());
  started.set_workspace(opening_.spec.workspace());
  started.set_task(opening_.spec.task());
  started.set_profile(opening_.profile.name);
  started.set_profile_sha256(
      to_hex(evidence::as_view(evidence::sha256(opening_.spec.canonical()))));
  started.set_mode("root");
  started.set_sensor("syscall");
  started.set_asked(opening_.profile.session.assurance == model::AssuranceLevel::kFull ? "full"
                                                                                       : "best");
  for (const plan::Guarantee& guarantee : plan_.guarantees) {
    if (!guarantee.given) started.add_missing(std::string(plan::to_string(guarantee.id)));
  }
  started.set_folder(folder_path());
  return started;
}

/// Armed only now, so that set-up is not recorded as the contractor's; then the client hears, then
/// the gate opens.
Status Opener::begin() {
  std::string warning;
  RETURN_IF_ERROR(recorder_->wait_recorded(&finished_, &warning));
  if (is_told_to_end()) return Error{"the launcher is ending", ECANCELED};
  if (!warning.empty()) {
    tools_.log("session.reader session=" + opening_.spec.session() + " why=" + quoted(warning));
  }
  RETURN_IF_ERROR(tools_.tracer.arm(opening_.sensor.slot));
  opening_.sensor.ring_fd.reset();
  opening_.sensor.counters_fd.reset();
  RETURN_IF_ERROR(protocol::send_message(opening_.client, Type::kStarted, started()));
  return recorder_->go();
}

/// The recipe.
Status Opener::open() {
  code_ = kHostCannot;
  RETURN_IF_ERROR(plan::check_host(opening_.profile, tools_.facts));
  code_ = kSetupFailed;
  RETURN_IF_ERROR(make_slices());
  RETURN_IF_ERROR(make_the_plan());
  ASSIGN_OR_RETURN(network_, kernel::new_network());
  RETURN_IF_ERROR(make_credentials_folder());
  RETURN_IF_ERROR(make_session_trees());
  RETURN_IF_ERROR(make_pipes());
  RETURN_IF_ERROR(ask_for_channel());  // last of all that can fail without leaving a record
  RETURN_IF_ERROR(start_recorder());
  RETURN_IF_ERROR(start_box());
  return begin();
}

// ---- the end -----------------------------------------------------------------------------------

protocol::Ended to_ended(const std::optional<protocol::Finished>& finished) {
  protocol::Ended ended;
  if (!finished.has_value()) {
    ended.set_by("kill");
    ended.set_code(kKilled);
    ended.set_error("the session's supervisor was killed; its record is not closed");
    return ended;
  }
  ended.set_by(finished->by());
  ended.set_code(finished->code());
  ended.set_signal(finished->signal());
  ended.set_error(finished->error());
  return ended;
}

/// A person who wanted out before anything began.
protocol::Ended ended_by_person() {
  protocol::Ended ended;
  ended.set_by("person");
  ended.set_code(kPersonLeft);
  ended.set_error("ended before the command began");
  return ended;
}

void Opener::end_box() {
  const Status empty = opening_.cgroup->kill_all(kEmptyMs);
  if (!empty.ok()) {
    tools_.log("session.not_empty session=" + opening_.spec.session() +
               " why=" + quoted(to_string(empty.error())));
  }
  if (box_.pid > 0) {
    while (waitpid(box_.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  box_.pid = -1;
}

void Opener::undo() {
  for (auto each = undos_.rbegin(); each != undos_.rend(); ++each)
    (*each)();
  undos_.clear();
}

void Opener::tell(const protocol::Ended& ended) {
  // A client that is gone hears nothing; the record has it all the same.
  (void)protocol::send_message(opening_.client, Type::kEnded, ended).ok();
}

/// Set-up failed: the payload never ran, and nothing of it is left but a record that says so where
/// one had begun.
void Opener::fail(const Status& why) {
  const std::string text = to_string(why.error());
  tools_.log("session.failed session=" + opening_.spec.session() + " why=" + quoted(text));
  if (recorder_.has_value() && !finished_.has_value()) recorder_->fail(code_, text);
  end_box();
  if (recorder_.has_value()) recorder_->reap(kLastWordsMs);
  undo();
  // What the session says of its end is what its record says.
  if (finished_.has_value()) return tell(to_ended(finished_));
  tell(person_left_ ? ended_by_person() : setup_failure(code_, text));
}

void Opener::supervise() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  bool done = false;
  bool hung_up = false;
  while (!done) {
    // One that was told to end and does not is ended by the caller, as one that died.
    std::array<pollfd, 2> waits{pollfd{recorder_->fd(), POLLIN, 0},
                                pollfd{hung_up ? -1 : signals.get(), POLLIN, 0}};
    const int count = poll(waits.data(), waits.size(), hung_up ? kTellMs : -1);
    if ((count < 0 && errno != EINTR) || (count == 0 && hung_up)) break;
    if (waits[1].revents != 0) {
      recorder_->hang_up();
      hung_up = true;
    }
    if (waits[0].revents == 0) continue;
    const Result<bool> ended = recorder_->take_end(&finished_);
    done = !ended.ok() || ended.value();
  }
}

void Opener::run() {
  const Status opened = open();
  if (!opened.ok()) {
    fail(opened);
    return;
  }
  undos_.clear();  // from here on the workspace is the contractor's
  supervise();
  end_box();
  tell(to_ended(finished_));
  recorder_->reap(kLastWordsMs);
}

}  // namespace

protocol::Ended setup_failure(int code, const std::string& text) {
  protocol::Ended ended;
  ended.set_by("setup");
  ended.set_code(code);
  ended.set_error(text);
  return ended;
}

void run_opening(const OpeningTools& tools, Opening& opening) {
  Opener(tools, opening).run();
}

}  // namespace carrel::service
