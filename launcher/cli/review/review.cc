#include "launcher/cli/review/review.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "broker/wire/client/broker_client.h"
#include "launcher/cli/review/arguments.h"
#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
#include "profiles/base/text.h"

namespace carrel::review {

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

namespace {

constexpr size_t kMaxPolicy = size_t{64} << 10;

/// A verb at work: what it was asked, where it writes, and how it says that it cannot.
struct Work {
  const ReviewArguments& arguments;
  Output output;

  [[nodiscard]] int fail(int code, const std::string& text) const {
    print(output.err, "carrel " + std::string(verb_name(arguments.verb)) + ": " + text + "\n");
    return code;
  }
};

/// A small regular file, opened without blocking and never larger than a policy may be.
Result<std::string> read_policy_file(int dir_fd, const std::string& path, int flags) {
  const UniqueFd file(openat(dir_fd, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags));
  if (!file.valid()) return errno_error("open policy " + quoted(path));
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return errno_error("stat policy " + quoted(path));
  if (!S_ISREG(facts.st_mode)) return Error{"policy " + quoted(path) + " is not a regular file"};
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() <= kMaxPolicy) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read policy " + quoted(path));
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return Error{"policy " + quoted(path) + " is larger than 64 KiB"};
}

int verify_with_policy(const Work& work, const start::StateFolder& state, const Subject& subject) {
  const bool given = !work.arguments.policy.empty();
  const auto text = given ? read_policy_file(AT_FDCWD, work.arguments.policy, 0)
                          : read_policy_file(state.directory.get(), "trust.policy", O_NOFOLLOW);
  if (!text.ok()) {
    const int error = text.error().sys_errno;
    if (given) return work.fail(error == 0 ? kFailed : kNotFound, to_string(text.error()));
    if (error != ENOENT) return work.fail(kFailed, to_string(text.error()));
    return verify_session(subject, std::nullopt, verify::PolicySource::kNone, work.arguments.shape,
                          work.output);
  }
  const auto policy = evidence::parse_policy(text.value());
  if (!policy.ok()) return work.fail(kFailed, "policy: " + quoted(to_string(policy.error())));
  return verify_session(subject, policy.value(),
                        given ? verify::PolicySource::kFile : verify::PolicySource::kState,
                        work.arguments.shape, work.output);
}

int look_at(const Work& work, const start::StateFolder& state, const Subject& subject) {
  const ReviewArguments& arguments = work.arguments;
  switch (arguments.verb) {
    case Verb::kShow:
      return show(subject, arguments.shape, work.output);
    case Verb::kEvents:
      return list_events(subject, {arguments.kind, arguments.verdict}, arguments.format,
                         work.output);
    case Verb::kReplay:
      return arguments.replay_as == ReplayAs::kText
                 ? replay_text(subject, arguments.terminal, work.output)
                 : replay_live(subject, arguments.pace, arguments.terminal, work.output);
    case Verb::kDiff:
      return diff(subject, arguments.path,
                  isatty(fileno(work.output.out)) == 1 ? Colour::kYes : Colour::kNo, work.output);
    case Verb::kNet:
      return net(subject, arguments.shape, work.output);
    case Verb::kVerify:
      return verify_with_policy(work, state, subject);
    case Verb::kSessions:
      break;
  }
  return kFailed;
}

/// What the broker refused carries its own code; anything else broke on the way.
int failed_call(const Work& work, const client::BrokerClient& broker, const Error& error) {
  if (!broker.refused()) return work.fail(kFailed, to_string(error));
  const int code = broker.refusal().code == kNotFound ? kNotFound : kFailed;
  return work.fail(code, broker.refusal().text);
}

/// `running` keeps the broker from ending before it has answered.
int ask_broker(const Work& work, const start::StateFolder& state, UniqueFd running) {
  auto connected = client::BrokerClient::connect(state.run.get());
  if (!connected.ok()) return work.fail(kFailed, to_string(connected.error()));
  client::BrokerClient broker = connected.take();
  if (work.arguments.verb == Verb::kSessions) {
    const auto rows = broker.sessions();
    running.reset();
    if (!rows.ok()) return failed_call(work, broker, rows.error());
    return list_sessions(rows.value(), work.arguments.shape, work.output);
  }
  auto opened = broker.record(work.arguments.session, std::string(verb_name(work.arguments.verb)));
  running.reset();
  if (!opened.ok()) return failed_call(work, broker, opened.error());
  const client::OpenRecord record = opened.take();
  return look_at(work, state, {record.row, record.directory.get()});
}

int run_verb(const Work& work) {
  auto opened = start::find_state(work.arguments.state, start::Create::kNo);
  if (!opened.ok()) {
    const bool none = opened.error().sys_errno == ENOENT;
    return work.fail(kNotFound, (none ? "no sessions: " : "") + to_string(opened.error()));
  }
  const start::StateFolder state = opened.take();
  const auto programs = start::programs_folder();
  if (!programs.ok()) return work.fail(kFailed, to_string(programs.error()));
  Result<UniqueFd> running = start::ensure_running(state, programs.value());
  if (!running.ok()) return work.fail(kFailed, to_string(running.error()));
  return ask_broker(work, state, running.take());
}

}  // namespace

int run_review(const std::vector<std::string>& words, Output output) {
  const auto verb = verb_from(words.empty() ? "" : words.front());
  if (!verb) {
    print(output.err, "carrel-review: give sessions, show, events, replay, diff, net or verify\n");
    return kFailed;
  }
  const auto parsed = parse_arguments(*verb, {words.begin() + 1, words.end()});
  if (!parsed.ok()) {
    const std::string name(verb_name(*verb));
    print(output.err, "carrel " + name + ": " + to_string(parsed.error()) + " (see: carrel " +
                          name + " --help)\n");
    return kFailed;
  }
  if (parsed.value().help) {
    print(output.out, help_text(*verb));
    return kOk;
  }
  return run_verb(Work{parsed.value(), output});
}

}  // namespace carrel::review
