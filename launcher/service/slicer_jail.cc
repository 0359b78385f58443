#include "launcher/service/slicer_jail.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "broker/wire/manifest/slice_key.h"
#include "launcher/box/init/init_plan.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/network.h"
#include "launcher/box/plan/plan.h"
#include "launcher/box/sandbox/sandbox.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr int kStepMs = 100;
constexpr int kEndMs = 10'000;
constexpr size_t kMaxWords = 8192;
constexpr int kNotThere = 2;  // carrel-slicer's status for what is the profile's fault

struct Channels {
  UniqueFd control;  // carrel-init's other end
  UniqueFd gate;
  UniqueFd words;   // the slicer's stderr
  UniqueFd answer;  // its stdout where it has no output folder
};

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

Result<Channels> start_slicer(const plan::SandboxPlan& plan, const SliceJob& job, SlicerRun& run,
                              const kernel::CgroupLeaf* leaf, sandbox::Running* running) {
  ASSIGN_OR_RETURN(const UniqueFd network, kernel::new_network());
  UniqueFd map;
  if (job.idmaps) {
    ASSIGN_OR_RETURN(map, kernel::make_id_map({plan::kOnDiskOwner, plan.uids.payload_host()}));
  }
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
  if (!run.output) {
    ASSIGN_OR_RETURN(answer_end, make_listening_pipe(&ours.answer));
  }
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return errno_error("open /dev/null");
  sandbox::Resources resources;
  resources.network_fd = network.get();
  resources.cgroup = leaf;
  resources.sources.push_back(std::move(run.repository));
  if (run.output) resources.sources.push_back(std::move(*run.output));
  resources.idmap_fd = map.get();
  resources.control_fd = init_control.get();
  resources.gate_fd = gate_end.get();
  resources.stdin_fd = null.get();
  resources.stdout_fd = answer_end.valid() ? answer_end.get() : null.get();
  resources.stderr_fd = words_end.get();
  resources.init_fd = job.init_fd;
  resources.program_fd = job.slicer_fd;
  resources.filters = job.filters;
  ASSIGN_OR_RETURN(*running, sandbox::start(plan, resources));
  return ours;
}

Status run_in(const plan::HostFacts& facts, const SliceJob& job, SlicerRun& run,
              const kernel::CgroupLeaf* leaf, std::string* answer, SliceFailure* failure) {
  plan::SlicerRequest request;
  request.uid_base = job.uid_base;
  request.arguments = run.arguments;
  request.has_output = run.output.has_value();
  request.output_idmapped = run.output_idmapped;
  ASSIGN_OR_RETURN(const plan::SandboxPlan plan, plan::make_slicer_plan(facts, request));
  sandbox::Running running;
  ASSIGN_OR_RETURN(Channels channels, start_slicer(plan, job, run, leaf, &running));
  Said said;
  const Result<int> status = wait_for_status(job, channels, run.limit_ms, &said);
  const Status ended =
      leaf != nullptr ? leaf->kill_all(kEndMs) : sandbox::end_by_init(running, kEndMs);
  while (waitpid(running.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  listen(channels, &said);
  RETURN_IF_ERROR(ended);
  if (!status.ok()) return status.error();
  *answer = std::move(said.answer);
  return judge(status.value(), job.repository->name, std::move(said.words), failure);
}

}  // namespace

Status run_slicer(const plan::HostFacts& facts, const SliceJob& job, SlicerRun run,
                  std::string* answer, SliceFailure* failure) {
  *failure = SliceFailure{};
  if (job.cgroups == nullptr) return run_in(facts, job, run, nullptr, answer, failure);
  const plan::Ceilings most = plan::ceilings_of(facts.cgroup, plan::default_limits());
  Result<kernel::CgroupLeaf> made = kernel::CgroupLeaf::create(
      *job.cgroups, job.cgroup_name, {most.memory_bytes, most.processes, most.cpu_milli});
  if (!made.ok()) return made.error();
  kernel::CgroupLeaf leaf = made.take();
  const Status done = run_in(facts, job, run, &leaf, answer, failure);
  const Status removed = leaf.remove();
  return done.ok() ? removed : done;
}

}  // namespace carrel::service
