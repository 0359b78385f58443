#include "launcher/cli/work/work.h"

#include <cerrno>
#include <utility>

#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
#include "launcher/cli/work/approvals.h"
#include "launcher/cli/work/task.h"
#include "launcher/cli/work/verbs.h"
#include "profiles/base/text.h"

namespace carrel::work {

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

namespace {

/// A verb at work: what it was asked, where it writes, and how it says that it cannot.
struct Work {
  const WorkArguments& arguments;
  Output output;

  [[nodiscard]] int fail(int code, const std::string& text) const {
    print(output.err, "carrel " + std::string(verb_name(arguments.verb)) + ": " + text + "\n");
    return code;
  }
};

/// What the broker refused carries its own code; anything else broke on the way.
int failed_call(const Work& work, const client::BrokerClient& broker, const Error& error) {
  if (!broker.refused()) return work.fail(kFailed, to_string(error));
  const int code = broker.refusal().code == kNotFound ? kNotFound : kFailed;
  return work.fail(code, broker.refusal().text);
}

int list(const Work& work, client::BrokerClient& broker) {
  const auto rows = broker.workspaces();
  if (!rows.ok()) return failed_call(work, broker, rows.error());
  return list_workspaces(rows.value(), work.arguments.shape, work.output);
}

int status(const Work& work, client::BrokerClient& broker) {
  const auto found = broker.status(work.arguments.session);
  if (!found.ok()) return failed_call(work, broker, found.error());
  return show_status(found.value(), work.arguments.shape, work.output);
}

int order(const Work& work, client::BrokerClient& broker) {
  const auto carried = carry_out(broker, work.arguments);
  if (!carried.ok()) return failed_call(work, broker, carried.error());
  if (carried.value().code != kOk) return work.fail(carried.value().code, carried.value().text);
  print(work.output.out, carried.value().text + "\n");
  return kOk;
}

/// A broker that answers; `running` keeps it from ending before it has.
struct Desk {
  start::StateFolder state;
  UniqueFd running;
  client::BrokerClient broker;
};

Result<Desk> go_to_desk(const std::string& state_option, start::Create create) {
  auto opened = start::find_state(state_option, create);
  if (!opened.ok()) return opened.take_error();
  start::StateFolder state = opened.take();
  ASSIGN_OR_RETURN(const std::string programs, start::programs_folder());
  ASSIGN_OR_RETURN(UniqueFd running, start::ensure_running(state, programs));
  ASSIGN_OR_RETURN(client::BrokerClient broker, client::BrokerClient::connect(state.run.get()));
  return Desk{std::move(state), std::move(running), std::move(broker)};
}

int run_verb(const Work& work) {
  Result<Desk> went = go_to_desk(work.arguments.state, start::Create::kNo);
  if (!went.ok()) {
    const int error = went.error().sys_errno;
    const bool no_folder = error == ENOENT || error == EACCES || error == ENOTDIR;
    return work.fail(no_folder ? kNotFound : kFailed, to_string(went.error()));
  }
  Desk desk = went.take();
  switch (work.arguments.verb) {
    case Verb::kList:
      return list(work, desk.broker);
    case Verb::kStatus:
      return status(work, desk.broker);
    case Verb::kClose:
    case Verb::kPause:
    case Verb::kResume:
      break;
  }
  // A session that runs keeps the services: nobody else is to be kept waiting.
  desk.running.reset();
  return order(work, desk.broker);
}

int task(const std::vector<std::string>& words, Output output) {
  const auto fail = [&output](int code, const std::string& text) {
    print(output.err, "carrel task: " + text + "\n");
    return code;
  };
  const auto parsed = parse_task_arguments(words);
  if (!parsed.ok()) return fail(kFailed, to_string(parsed.error()) + " (see: carrel task --help)");
  if (parsed.value().help) {
    print(output.out, task_help_text());
    return kOk;
  }
  const bool creates = parsed.value().verb == TaskVerb::kCreate;
  Result<Desk> went =
      go_to_desk(parsed.value().state, creates ? start::Create::kYes : start::Create::kNo);
  if (!went.ok()) return fail(kFailed, to_string(went.error()));
  Desk desk = went.take();
  int code = kOk;
  const auto text = run_task(parsed.value(), desk.broker, desk.state, &code);
  if (!text.ok()) return fail(code, to_string(text.error()));
  print(output.out, text.value());
  return code;
}

int approvals(const std::vector<std::string>& words, Output output) {
  const auto fail = [&output](int code, const std::string& text) {
    print(output.err, "carrel approvals: " + text + "\n");
    return code;
  };
  const auto parsed = parse_approval_arguments(words);
  if (!parsed.ok()) {
    return fail(kFailed, to_string(parsed.error()) + " (see: carrel approvals --help)");
  }
  if (parsed.value().help) {
    print(output.out, approvals_help_text());
    return kOk;
  }
  Result<Desk> went = go_to_desk(parsed.value().state, start::Create::kNo);
  if (!went.ok()) return fail(kFailed, to_string(went.error()));
  Desk desk = went.take();
  int code = kFailed;
  const Status done = run_approvals(parsed.value(), desk.broker, output, &code);
  return done.ok() ? kOk : fail(code, to_string(done.error()));
}

}  // namespace

int run_work(const std::vector<std::string>& words, Output output) {
  if (!words.empty() && words.front() == "task")
    return task({words.begin() + 1, words.end()}, output);
  if (!words.empty() && words.front() == "approvals")
    return approvals({words.begin() + 1, words.end()}, output);
  const auto verb = verb_from(words.empty() ? "" : words.front());
  if (!verb) {
    print(output.err, "carrel-work: give list, status, close, pause, resume, task or approvals\n");
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

}  // namespace carrel::work
