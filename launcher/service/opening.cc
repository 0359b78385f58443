#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/kernel/network.h"
#include "launcher/service/opener.h"
#include "launcher/service/trusted_folder.h"
#include "profiles/base/text.h"

namespace carrel::service {

using kernel::Tree;
using protocol::Message;
using protocol::Type;

namespace {

constexpr int kNotGranted = 121;

Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

std::string host_name() {
  utsname name{};
  return uname(&name) == 0 ? std::string(name.nodename) : "unknown";
}

bool is_told_to_end() {
  sigset_t waiting{};
  return sigpending(&waiting) == 0 && sigismember(&waiting, SIGTERM) == 1;
}

bool has_left(const protocol::Connection& client) {
  pollfd look{client.fd(), POLLRDHUP, 0};
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool Opener::client_gone() const {
  return has_left(opening_.client);
}

bool Opener::is_unwanted() const {
  return is_told_to_end() || client_gone();
}

/// As a service: where the task's own profile says, and nowhere that anybody but root or the
/// repository's owner could have redirected.
Status Opener::open_task_sources() {
  if (!tools_.opens_sources) return Done{};
  for (const model::Repository& repository : opening_.profile.repositories) {
    const std::string path = task_source(repository.source, opening_.spec.profile_path());
    Result<UniqueFd> folder =
        kernel::open_at_home(tools_.namespaces, [&path] { return open_trusted_folder(path); });
    if (!folder.ok()) {
      return Error{"repository " + quoted(repository.name) + ": " + to_string(folder.error())};
    }
    opening_.repositories.push_back(folder.take());
  }
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
  request.trust_places = trust_places();
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
  // The host may have learned, or lost, images since this workspace was made.
  plan::HostFacts facts = tools_.facts;
  facts.storage = storage_;
  ASSIGN_OR_RETURN(plan_, plan::make_plan(opening_.profile, facts, request));
  return Done{};
}

Status Opener::ask_for_channel() {
  protocol::SessionStart start;
  start.set_session(opening_.spec.session());
  start.set_host(host_name());
  start.set_mode(mode());
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
  const uint32_t recorder = plan_.uids.recorder_host();
  ASSIGN_OR_RETURN(credentials_,
                   kernel::new_tmpfs({recorder, recorder, 0755, uint64_t{1} << 20, 1024}));
  credentials_folder_.reset(openat(credentials_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!credentials_folder_.valid()) return errno_error("open the credentials' folder");
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
  // The session learns which process a record is of.
  const int yes = 1;
  if (setsockopt(control[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
    return errno_error("setsockopt SO_PASSCRED");
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
    const uid_t payload = plan_.uids.payload_host();
    if (fchown(read_end.get(), payload, payload) != 0) return errno_error("own a standard stream");
    pipes_.inside[i] = i == 0 ? std::move(read_end) : std::move(write_end);
    pipes_.outside[i] = i == 0 ? std::move(write_end) : std::move(read_end);
  }
  return Done{};
}

Status Opener::start_sensor() {
  if (!notifies()) return Done{};  // the server opened it with the control group
  ASSIGN_OR_RETURN(Notifier notifier, Notifier::start(tools_.programs.folder + "/carrel-notify"));
  notifier_.emplace(std::move(notifier));
  return Done{};
}

/// The recipe.
Status Opener::open() {
  RETURN_IF_ERROR(check_hours());
  code_ = kHostCannot;
  RETURN_IF_ERROR(plan::check_host(opening_.profile, tools_.facts));
  code_ = kNotGranted;
  RETURN_IF_ERROR(open_task_sources());
  code_ = kSetupFailed;
  RETURN_IF_ERROR(check_host_space(tools_.state.directory.get(), tools_.host_floor_bytes));
  RETURN_IF_ERROR(start_network());
  RETURN_IF_ERROR(open_workspace());
  RETURN_IF_ERROR(make_slices());
  RETURN_IF_ERROR(mount_disk());
  RETURN_IF_ERROR(begin_network());
  RETURN_IF_ERROR(make_the_plan());
  RETURN_IF_ERROR(make_trees());
  RETURN_IF_ERROR(mend_trees());
  RETURN_IF_ERROR(limit_disk());
  RETURN_IF_ERROR(try_network());
  RETURN_IF_ERROR(make_credentials_folder());
  RETURN_IF_ERROR(make_limit_files());
  RETURN_IF_ERROR(make_inside());
  RETURN_IF_ERROR(make_pipes());
  RETURN_IF_ERROR(start_sensor());
  if (way_out_.has_value()) RETURN_IF_ERROR(way_out_->hear_trial());
  RETURN_IF_ERROR(ask_for_channel());  // last of all that can fail without leaving a record
  RETURN_IF_ERROR(start_recorder());
  RETURN_IF_ERROR(start_box());
  return begin();
}

void run_opening(const OpeningTools& tools, Opening& opening) {
  Opener(tools, opening).run();
}

}  // namespace carrel::service
