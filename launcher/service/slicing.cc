#include "launcher/service/slicing.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "broker/wire/manifest/slice_key.h"
#include "launcher/box/init/init_plan.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/sandbox/sandbox.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr int kSliceMs = 30 * 60 * 1000;
constexpr int kResolveMs = 60 * 1000;
constexpr int kStepMs = 100;
constexpr size_t kMaxWords = 8192;
constexpr int kNotThere = 2;  // carrel-slicer's status for what is the profile's fault

struct Channels {
  UniqueFd control;  // carrel-init's other end
  UniqueFd gate;
  UniqueFd words;   // the slicer's stderr
  UniqueFd answer;  // its stdout where it has no output folder
};

std::vector<std::string> resolver_arguments(const model::Repository& repository) {
  return {"carrel-slicer", "--resolve", "--ref", repository.ref, "--name", repository.name};
}

std::vector<std::string> slicer_arguments(const model::Repository& repository) {
  std::vector<std::string> words = {"carrel-slicer", "--ref", repository.ref, "--name",
                                    repository.name};
  const auto add = [&words](const char* option, const std::vector<model::PathEntry>& entries) {
    for (const model::PathEntry& entry : entries) {
      words.emplace_back(option);
      words.push_back(entry.path.text());
    }
  };
  add("--read", repository.read);
  add("--write", repository.write);
  add("--never", repository.never);
  return words;
}

/// The repository's mount as the slicer shall see it: its owner as the slicer itself where the file
/// system can do that, else as it is.
Result<UniqueFd> repository_source(const SliceJob& job, uint32_t payload_host) {
  ASSIGN_OR_RETURN(UniqueFd plain,
                   kernel::clone_tree_from_home(*job.namespaces, job.repository_fd));
  struct stat what {};
  if (fstat(job.repository_fd, &what) != 0) return errno_error("fstat the repository");
  ASSIGN_OR_RETURN(const UniqueFd map, kernel::make_id_map({what.st_uid, payload_host}));
  if (kernel::idmap_mount(plain.get(), map.get()).ok()) return plain;
  return kernel::clone_tree_from_home(*job.namespaces, job.repository_fd);
}

/// The next record of carrel-init within the step; nothing when there is none yet.
std::optional<init::Record> next_record(int control_fd, bool* closed) {
  pollfd wait{control_fd, POLLIN, 0};
  if (poll(&wait, 1, kStepMs) <= 0) return std::nullopt;
  init::Record record{};
  const ssize_t got = recv(control_fd, &record, sizeof record, MSG_DONTWAIT);
  if (got == sizeof record) return record;
  *closed = got >= 0 || (errno != EAGAIN && errno != EINTR);
  return std::nullopt;
}

/// Some of what it says: one that never stops is not listened to for ever.
void read_words(int fd, size_t limit, std::string* words) {
  std::array<char, 4096> part{};
  for (int parts = 0; parts < 64; ++parts) {
    const ssize_t got = read(fd, part.data(), part.size());
    if (got <= 0) return;
    const size_t room = limit - std::min(limit, words->size());
    words->append(part.data(), std::min(room, static_cast<size_t>(got)));
  }
}

/// What a slicer said: its stderr and, where it was asked something, its stdout.
struct Said {
  std::string words;
  std::string answer;
};

void listen(const Channels& channels, Said* said) {
  read_words(channels.words.get(), kMaxWords, &said->words);
  if (!channels.answer.valid()) return;
  read_words(channels.answer.get(), manifest::kMaxResolvedBytes + 1, &said->answer);
}

/// Waits for the slicer's status. The workspace still lives afterwards.
Result<int> wait_for_status(const SliceJob& job, const Channels& channels, int limit_ms,
                            Said* said) {
  bool closed = false;
  for (int waited = 0; waited < limit_ms; waited += kStepMs) {
    const auto record = next_record(channels.control.get(), &closed);
    listen(channels, said);
    if (closed) return Error{"the slicer's workspace ended by itself"};
    if (job.gone && job.gone()) return Error{"given up", ECANCELED};
    if (!record) continue;
    switch (record->type) {
      case init::RecordType::kReady:
        if (write(channels.gate.get(), "g", 1) != 1) return errno_error("open the slicer's gate");
        break;
      case init::RecordType::kExited:
        return record->a;
      case init::RecordType::kSetupFailed:
        return Error{"set up the slicer, step " + std::to_string(record->a), record->b};
      case init::RecordType::kExecFailed:
        return Error{"execute the slicer", record->a};
      default:
        return Error{"the slicer's init spoke out of turn", EPROTO};
    }
  }
  return Error{"the slicer was not done within " + std::to_string(limit_ms / 60'000) + " minutes",
               ETIMEDOUT};
}

Status judge(int status, const std::string& repository, std::string words, SliceFailure* failure) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Done{};
  while (!words.empty() && words.back() == '\n')
    words.pop_back();
  if (words.empty()) words = "carrel-slicer ended with wait status " + std::to_string(status);
  failure->code = WIFEXITED(status) && WEXITSTATUS(status) == kNotThere ? 121 : 123;
  failure->text = "repository " + quoted(repository) + ": " + quoted(words);
  return Error{failure->text};
}

/// A pipe whose reading end, `ours`, never waits. Answers with the other end.
Result<UniqueFd> make_listening_pipe(UniqueFd* ours) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  ours->reset(ends[0]);
  UniqueFd other(ends[1]);
  if (fcntl(ours->get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("fcntl");
  return other;
}

Result<Channels> start_slicer(const plan::SandboxPlan& plan, const SliceJob& job,
                              const kernel::CgroupLeaf& leaf, pid_t* pid) {
  ASSIGN_OR_RETURN(const UniqueFd network, kernel::new_network());
  ASSIGN_OR_RETURN(const UniqueFd map,
                   kernel::make_id_map({plan::kOnDiskOwner, plan.uids.payload_host()}));
  std::array<int, 2> control{}, gate{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) != 0) {
    return errno_error("socketpair");
  }
  Channels ours;
  ours.control.reset(control[0]);
  const UniqueFd init_control(control[1]);
  if (pipe2(gate.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  ours.gate.reset(gate[1]);
  const UniqueFd gate_end(gate[0]);
  ASSIGN_OR_RETURN(const UniqueFd words_end, make_listening_pipe(&ours.words));
  UniqueFd answer_end;
  if (job.output_fd < 0) {
    ASSIGN_OR_RETURN(answer_end, make_listening_pipe(&ours.answer));
  }
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return errno_error("open /dev/null");
  sandbox::Resources resources;
  resources.network_fd = network.get();
  resources.cgroup = &leaf;
  ASSIGN_OR_RETURN(UniqueFd repository, repository_source(job, plan.uids.payload_host()));
  resources.sources.push_back(std::move(repository));
  if (job.output_fd >= 0) {
    ASSIGN_OR_RETURN(UniqueFd output, kernel::clone_tree(job.output_fd, kernel::Tree::kOne));
    resources.sources.push_back(std::move(output));
  }
  resources.idmap_fd = map.get();
  resources.control_fd = init_control.get();
  resources.gate_fd = gate_end.get();
  resources.stdin_fd = null.get();
  resources.stdout_fd = answer_end.valid() ? answer_end.get() : null.get();
  resources.stderr_fd = words_end.get();
  resources.init_fd = job.init_fd;
  resources.program_fd = job.slicer_fd;
  resources.filters = job.filters;
  ASSIGN_OR_RETURN(const sandbox::Running running, sandbox::start(plan, resources));
  *pid = running.pid;
  return ours;
}

Status run(const plan::HostFacts& facts, const SliceJob& job, const kernel::CgroupLeaf& leaf,
           std::string* answer, SliceFailure* failure) {
  const bool slices = job.output_fd >= 0;
  plan::SlicerRequest request;
  request.uid_base = job.uid_base;
  request.arguments =
      slices ? slicer_arguments(*job.repository) : resolver_arguments(*job.repository);
  request.has_output = slices;
  ASSIGN_OR_RETURN(const plan::SandboxPlan plan, plan::make_slicer_plan(facts, request));
  pid_t pid = -1;
  ASSIGN_OR_RETURN(Channels channels, start_slicer(plan, job, leaf, &pid));
  Said said;
  const Result<int> status = wait_for_status(job, channels, slices ? kSliceMs : kResolveMs, &said);
  const Status ended = leaf.kill_all(10'000);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  listen(channels, &said);
  RETURN_IF_ERROR(ended);
  if (!status.ok()) return status.error();
  *answer = std::move(said.answer);
  return judge(status.value(), job.repository->name, std::move(said.words), failure);
}

/// Runs carrel-slicer for the job: a slice where it has an output folder, else an answer.
Status run_slicer(const plan::HostFacts& facts, const SliceJob& job, std::string* answer,
                  SliceFailure* failure) {
  *failure = SliceFailure{};
  Result<kernel::CgroupLeaf> made = kernel::CgroupLeaf::create(
      *job.cgroups, job.cgroup_name, {plan::kMaxMemoryBytes, plan::kMaxProcesses});
  if (!made.ok()) return made.error();
  kernel::CgroupLeaf leaf = made.take();
  const Status done = run(facts, job, leaf, answer, failure);
  const Status removed = leaf.remove();
  return done.ok() ? removed : done;
}

void say_failure(const char* what, const SliceJob& job, const Error& why, SliceFailure* failure) {
  if (!failure->text.empty()) return;
  failure->text = what + quoted(job.repository->name) + ": " + to_string(why);
}

}  // namespace

Status make_slice(const plan::HostFacts& facts, const SliceJob& job, SliceFailure* failure) {
  std::string unused;
  const Status done = job.output_fd >= 0 ? run_slicer(facts, job, &unused, failure)
                                         : Status(Error{"there is no output folder", EINVAL});
  if (!done.ok()) say_failure("make the slice of ", job, done.error(), failure);
  return done;
}

Result<std::string> resolve_commit(const plan::HostFacts& facts, SliceJob job,
                                   SliceFailure* failure) {
  job.output_fd = -1;
  std::string answer;
  const Status done = run_slicer(facts, job, &answer, failure);
  Result<std::string> commit =
      done.ok() ? manifest::parse_resolved(answer) : Result<std::string>(done.error());
  if (!commit.ok()) say_failure("look up the ref of ", job, commit.error(), failure);
  return commit;
}

}  // namespace carrel::service
