#include "launcher/cli/open/open.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "broker/wire/client/broker_client.h"
#include "launcher/cli/open/agreement.h"
#include "launcher/cli/open/arguments.h"
#include "launcher/cli/open/attach.h"
#include "launcher/cli/open/end_wait.h"
#include "launcher/cli/open/inputs.h"
#include "launcher/cli/open/relay.h"
#include "launcher/cli/open/status_lines.h"
#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
#include "launcher/watch/terminal/raw_mode.h"
#include "profiles/base/text.h"
#include "profiles/sources/sources.h"

namespace carrel::open {
namespace {

constexpr int kUsage = 120;
constexpr int kNotGranted = 121;
constexpr int kSetupFailed = 123;

void write_end_line(int status_fd, const protocol::Ended& ended) {
  if (status_fd < 0) return;
  const std::string line = end_line(ended);
  if (write(status_fd, line.data(), line.size()) < 0) perror("carrel: --status-fd");
}

/// The opening's own failure: a sentence for the person, the end line for programs, the exit code.
int fail(const OpenArguments& arguments, int code, const std::string& text,
         const std::string& by = "setup") {
  fprintf(stderr, "carrel: %s\n", text.c_str());
  protocol::Ended ended;
  ended.set_by(by);
  ended.set_code(code);
  ended.set_error(text);
  write_end_line(arguments.status_fd, ended);
  return code;
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

int fail_usage(const std::vector<std::string>& words, const Error& error) {
  OpenArguments unread;
  unread.status_fd = status_fd_of(words);
  if (!is_open(unread.status_fd)) unread.status_fd = -1;
  return fail(unread, kUsage, "open: " + to_string(error) + " (see: carrel open --help)");
}

protocol::OpenRequest make_open_request(const OpenArguments& arguments, const Inputs& inputs,
                                        bool tty) {
  protocol::OpenRequest request;
  request.set_profile_source(inputs.source);
  request.set_profile_path(inputs.path);
  request.set_canonical(inputs.canonical);
  for (const parse::UsedSource& parent : inputs.parents) {
    protocol::ExtendedSource* extended = request.add_extended();
    extended->set_name(parent.name);
    extended->set_source(parent.source);
  }
  request.set_task(arguments.task);
  request.set_agreement_text(inputs.agreement_text);
  if (!arguments.accept_sha256.empty()) {
    request.set_accept_sha256(arguments.accept_sha256);
    request.set_accept_how("flag");
  }
  for (const std::string& word : arguments.command)
    request.add_command(word);
  request.set_tty(tty);
  return request;
}

/// Asks the launcher to build what the broker's ticket names; hands it the repositories and one end
/// of the stdio stream, never the caller's terminal.
Result<Way> launch(const start::StateFolder& state, const OpenArguments& arguments,
                   const Inputs& inputs, const std::string& ticket) {
  ASSIGN_OR_RETURN(UniqueFd socket, client::connect_beneath(state.run.get(), "launcher.sock"));
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return ends.take_error();
  auto [ours, theirs] = ends.take();
  Way way{protocol::Connection(std::move(socket)), protocol::Connection(std::move(ours))};
  const terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
  protocol::LaunchRequest request;
  request.set_ticket(ticket);
  request.set_columns(size.columns);
  request.set_rows(size.rows);
  request.set_term(passed_value("TERM"));
  request.set_lang(passed_value("LANG"));
  request.set_timeout_s(arguments.timeout_s);
  std::vector<int> fds;
  for (const UniqueFd& repository : inputs.repositories)
    fds.push_back(repository.get());
  fds.push_back(theirs.get());
  RETURN_IF_ERROR(
      protocol::send_message(way.launcher, protocol::Type::kLaunchRequest, request, fds));
  return way;
}

struct Question {
  const start::StateFolder& state;
  const std::string& programs;
  const OpenArguments& arguments;
  const Inputs& inputs;
  bool tty = false;
};

/// The profile of a task by its name, from the broker; its digest is said.
Result<Inputs> read_task(const start::StateFolder& state, const std::string& programs,
                         const std::string& task, InputFailure* failure) {
  const auto failed = [failure](int code, const Error& error) {
    *failure = InputFailure{code, to_string(error)};
    return error;
  };
  Result<UniqueFd> running = start::ensure_running(state, programs);
  if (!running.ok()) return failed(kSetupFailed, running.error());
  Result<client::BrokerClient> connected = client::BrokerClient::connect(state.run.get());
  if (!connected.ok()) return failed(kSetupFailed, connected.error());
  client::BrokerClient broker = connected.take();
  const Result<protocol::TaskProfileReply> reply = broker.task_profile(task);
  if (!reply.ok()) return failed(broker.refused() ? kNotGranted : kSetupFailed, reply.error());
  fprintf(stderr, "carrel: task %s, profile sha256 %s\n", quoted(reply.value().task()).c_str(),
          quoted(reply.value().profile_sha256()).c_str());
  TaskProfile profile{
      reply.value().source(), reply.value().path(), reply.value().agreement_text(), {}};
  for (const protocol::ExtendedSource& each : reply.value().extended())
    profile.extended.push_back({each.name(), each.source()});
  return task_inputs(std::move(profile), reply.value().service() ? Sources::kLeave : Sources::kOpen,
                     failure);
}

/// What came of asking the broker.
struct Asked {
  Way way;
  std::string ending;  // instead: the session that has to end first
};

/// Gets a ticket from the broker and hands it to the launcher. A refusal sets `code`. What is
/// accepted stays in `request`.
Result<Asked> ask_once(const Question& question, protocol::OpenRequest& request, int* code) {
  // Held until the launcher has our request: it will not end then.
  ASSIGN_OR_RETURN(const UniqueFd running,
                   start::ensure_running(question.state, question.programs));
  ASSIGN_OR_RETURN(client::BrokerClient broker,
                   client::BrokerClient::connect(question.state.run.get()));
  auto answer = broker.open(request);
  if (answer.ok() && answer.value().needed.has_value()) {
    const Status accepted = accept_agreement(*answer.value().needed, question.tty, request);
    if (!accepted.ok()) {
      *code = kNotGranted;
      return accepted.error();
    }
    answer = broker.open(request);
  }
  if (answer.ok() && answer.value().needed.has_value()) {
    return Error{"the broker asks for another agreement than the one accepted", EPROTO};
  }
  if (!answer.ok()) {
    if (broker.refused()) *code = broker.refusal().code;
    return answer.take_error();
  }
  const std::string& session = answer.value().reply.running_session();
  if (answer.value().reply.ending()) return Asked{Way(), session};
  Asked asked;
  if (session.empty()) {
    ASSIGN_OR_RETURN(asked.way, launch(question.state, question.arguments, question.inputs,
                                       answer.value().reply.ticket()));
    return asked;
  }
  if (question.arguments.timeout_s != 0) {
    *code = kUsage;
    return Error{"--timeout: session " + quoted(session) +
                 " runs already, and its time is set; leave --timeout out to attach to it"};
  }
  ASSIGN_OR_RETURN(asked.way,
                   attach_to(broker, session, question.arguments.command, question.tty, code));
  return asked;
}

/// A pair that was found and went away before it could hear us, killed or told to end, has begun
/// nothing: there is another one to start. A session that ends is waited for.
Result<Way> ask(const Question& question, protocol::OpenRequest& request, EndWait& wait,
                int* code) {
  int tries = 3;
  while (true) {
    Result<Asked> asked = ask_once(question, request, code);
    if (!asked.ok()) {
      const int why = asked.error().sys_errno;
      const bool missed = why == ECONNRESET || why == ECONNREFUSED || why == EPIPE || why == ENOENT;
      if (!missed || --tries == 0) return asked.take_error();
      continue;
    }
    Asked given = asked.take();
    if (given.ending.empty()) return std::move(given.way);
    if (wait.turn(given.ending)) continue;
    *code = kNotGranted;
    return Error{"session " + quoted(given.ending) +
                 " of this task has been ending for a minute: `carrel show " +
                 quoted(given.ending) + "` tells how it stands; open it again"};
  }
}

/// Relays what was opened, and asks once more where nothing has begun: of a launcher that took our
/// request and ended before it looked at it (an opening that failed has one that still answers),
/// and where another opening of ours came first, whose session is the one to attach to, or where
/// the session before has not gone yet.
Result<RelayResult> ask_and_relay(const Question& question, int* code) {
  protocol::OpenRequest request =
      make_open_request(question.arguments, question.inputs, question.tty);
  EndWait wait;
  int tries = 3;
  while (true) {
    ASSIGN_OR_RETURN(Way way, ask(question, request, wait, code));
    *code = kSetupFailed;
    Result<RelayResult> result = relay(way.launcher, way.session,
                                       {question.tty, question.arguments.status_fd, way.attached});
    const bool unheard = !result.ok() && result.error().sys_errno == ECONNRESET && !way.attached &&
                         !client::connect_beneath(question.state.run.get(), "launcher.sock").ok();
    if (unheard && --tries > 0) continue;
    const bool second = result.ok() && !result.value().was_started && !result.value().wanted_out &&
                        result.value().ended.again();
    if (!second || !wait.turn("")) return result;
  }
}

/// The last line: what ended it, where the work is, what to do next.
void say_goodbye(const RelayResult& result) {
  const protocol::Ended& ended = result.ended;
  std::string how = "ended by " + ended.by();
  if (ended.by() == "command" && ended.signal() != 0) {
    how = "command ended by " + signal_name(ended.signal());
  } else if (ended.by() == "command") {
    how = "command ended with status " + std::to_string(ended.code());
  }
  if (!ended.error().empty()) how += ": " + quoted(ended.error());
  const std::string session = result.started.session();
  if (result.left_behind) {
    fprintf(stderr, "carrel: terminal %u of session %s closed, %s\n",
            std::max(result.started.channel(), 1U), session.c_str(), how.c_str());
    return;
  }
  fprintf(stderr,
          "carrel: session %s closed, %s\ncarrel: your work is kept in the workspace of task %s; "
          "look back: carrel show %s\n",
          session.c_str(), how.c_str(), quoted(result.started.task()).c_str(),
          session.substr(0, 12).c_str());
}

int finish(const OpenArguments& arguments, const RelayResult& result) {
  if (!result.was_started)
    return fail(arguments, result.ended.code(), safe_lines(result.ended.error()),
                result.ended.by());
  say_goodbye(result);
  write_end_line(arguments.status_fd, result.ended);
  return result.ended.code();
}

/// A session's own words, or a setup failure's.
int finish(const OpenArguments& arguments, const Result<RelayResult>& result) {
  if (!result.ok()) return fail(arguments, kSetupFailed, to_string(result.error()));
  return finish(arguments, result.value());
}

bool on_terminal() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

}  // namespace

int run_attach(const std::vector<std::string>& words) {
  Result<AttachArguments> parsed = parse_attach_arguments(words);
  OpenArguments arguments;
  if (!parsed.ok()) {
    arguments.status_fd = status_fd_of(words);
    if (!is_open(arguments.status_fd)) arguments.status_fd = -1;
    return fail(arguments, kUsage,
                "attach: " + to_string(parsed.error()) + " (see: carrel attach --help)");
  }
  const AttachArguments wanted = parsed.take();
  if (wanted.help) {
    fputs(attach_help_text().c_str(), stdout);
    return 0;
  }
  if (wanted.status_fd >= 0 && !is_open(wanted.status_fd)) {
    return fail(arguments, kUsage, "attach: --status-fd: no such descriptor is open");
  }
  arguments.status_fd = wanted.status_fd;
  Result<start::StateFolder> state = start::find_state(wanted.state, start::Create::kNo);
  if (!state.ok()) return fail(arguments, kNotGranted, to_string(state.error()));
  Result<client::BrokerClient> connected = client::BrokerClient::connect(state.value().run.get());
  if (!connected.ok()) {
    return fail(arguments, kNotGranted, "no session runs here: " + to_string(connected.error()));
  }
  client::BrokerClient broker = connected.take();
  int code = kSetupFailed;
  const bool tty = on_terminal();
  Result<Way> way = attach_to(broker, wanted.session, wanted.command, tty, &code);
  if (!way.ok()) return fail(arguments, code, to_string(way.error()));
  Way joined = way.take();
  return finish(arguments, relay(joined.launcher, joined.session, {tty, wanted.status_fd, true}));
}

int run_open(const std::vector<std::string>& words) {
  Result<OpenArguments> parsed = parse_arguments(words);
  if (!parsed.ok()) return fail_usage(words, parsed.error());
  const OpenArguments arguments = parsed.take();
  if (arguments.help) {
    fputs(help_text().c_str(), stdout);
    return 0;
  }
  // Before anything is opened: the number could come to be one of our own descriptors.
  if (arguments.status_fd >= 0 && !is_open(arguments.status_fd)) {
    return fail(OpenArguments{}, kUsage, "open: --status-fd: no such descriptor is open");
  }
  Result<std::string> programs = start::programs_folder();
  if (!programs.ok()) return fail(arguments, kSetupFailed, to_string(programs.error()));
  InputFailure failure;
  Result<Inputs> inputs = Error{""};
  if (arguments.task.empty()) {
    inputs = read_inputs(arguments.profile, sources::library_folder(programs.value()), &failure);
    if (!inputs.ok()) return fail(arguments, failure.code, failure.text);
  }
  Result<start::StateFolder> state = start::find_state(arguments.state, start::Create::kYes);
  if (!state.ok()) return fail(arguments, kSetupFailed, to_string(state.error()));
  const start::StateFolder folder = state.take();
  if (!arguments.task.empty()) {
    inputs = read_task(folder, programs.value(), arguments.task, &failure);
    if (!inputs.ok()) return fail(arguments, failure.code, failure.text);
  }
  const Question question{folder, programs.value(), arguments, inputs.value(), on_terminal()};
  int code = kSetupFailed;
  const Result<RelayResult> result = ask_and_relay(question, &code);
  if (!result.ok()) return fail(arguments, code, to_string(result.error()));
  return finish(arguments, result.value());
}

}  // namespace carrel::open
