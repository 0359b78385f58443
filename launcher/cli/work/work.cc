#include "launcher/cli/work/work.h"

#include <cerrno>
#include <utility>

#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
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

int run_verb(const Work& work) {
  const auto path = start::state_path(work.arguments.state);
  if (!path.ok()) return work.fail(kNotFound, to_string(path.error()));
  auto opened = start::open_state(path.value(), start::Create::kNo);
  if (!opened.ok()) {
    if (opened.error().sys_errno == ENOENT) {
      return work.fail(kNotFound, "there is no state folder " + quoted(path.value()));
    }
    return work.fail(kNotFound, to_string(opened.error()));
  }
  const start::StateFolder state = opened.take();
  const auto programs = start::programs_folder();
  if (!programs.ok()) return work.fail(kFailed, to_string(programs.error()));
  Result<UniqueFd> running = start::ensure_running(state, programs.value());
  if (!running.ok()) return work.fail(kFailed, to_string(running.error()));
  auto connected = client::BrokerClient::connect(state.run.get());
  if (!connected.ok()) return work.fail(kFailed, to_string(connected.error()));
  client::BrokerClient broker = connected.take();
  switch (work.arguments.verb) {
    case Verb::kList:
      return list(work, broker);
    case Verb::kStatus:
      return status(work, broker);
    case Verb::kClose:
    case Verb::kPause:
    case Verb::kResume:
      break;
  }
  // A session that runs keeps the services: nobody else is to be kept waiting.
  running.value().reset();
  return order(work, broker);
}

}  // namespace

int run_work(const std::vector<std::string>& words, Output output) {
  const auto verb = verb_from(words.empty() ? "" : words.front());
  if (!verb) {
    print(output.err, "carrel-work: give list, status, close, pause or resume\n");
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
