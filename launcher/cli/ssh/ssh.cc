#include "launcher/cli/ssh/ssh.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/client/broker_client.h"
#include "broker/wire/ssh/certificate.h"
#include "launcher/cli/ssh/arguments.h"
#include "launcher/cli/ssh/config.h"
#include "launcher/cli/ssh/key_folder.h"
#include "launcher/cli/ssh/relay.h"
#include "launcher/cli/start/services.h"
#include "launcher/cli/start/state_folder.h"
#include "profiles/base/text.h"
#include "profiles/base/ulid.h"

namespace carrel::ssh_cli {
namespace {

constexpr uint32_t kTaskNotFound = 2;  // of the verbs over tasks

/// What went wrong, with the exit code that it stands for.
struct Failure {
  int code = kBroken;
  std::string text;
};

Failure broken(const Error& error) {
  return {kBroken, to_string(error)};
}

/// What the broker refused carries its own code; anything else broke on the way.
Failure failed_call(const client::BrokerClient& broker, const Error& error) {
  if (!broker.refused()) return broken(error);
  const int code = broker.refusal().code;
  const bool known = code == kUsage || code == kNotGranted;
  return {known ? code : kBroken, broker.refusal().text};
}

/// A step of a verb: what it gives, or what is said instead.
template <typename T>
using Step = std::variant<T, Failure>;

std::string environment(const char* name) {
  const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

Result<std::string> own_keys_path() {
  return keys_path(environment("XDG_STATE_HOME"), environment("HOME"));
}

Failure no_state(const Error& error) {
  const int why = error.sys_errno;
  const bool not_there = why == ENOENT || why == EACCES || why == ENOTDIR;
  return {not_there ? kNotGranted : kBroken, to_string(error)};
}

// ---- carrel ssh-config -------------------------------------------------------------------------

/// The program that people type, above the folder of the others.
Result<std::string> carrel_program() {
  ASSIGN_OR_RETURN(std::string path, start::programs_folder());
  for (int up = 0; up < 2; ++up)
    path.resize(path.rfind('/'));
  path += "/bin/carrel";
  if (access(path.c_str(), X_OK) != 0) return errno_error("find the program " + quoted(path));
  return path;
}

/// How ssh comes to the same state folder as this call: by what was said, nothing for the default.
Result<ConfigPlaces> find_places(const std::string& state_option) {
  ConfigPlaces places;
  ASSIGN_OR_RETURN(places.carrel, carrel_program());
  ASSIGN_OR_RETURN(places.keys, own_keys_path());
  const bool said = !state_option.empty() || !environment("CARREL_STATE").empty();
  if (said) {
    ASSIGN_OR_RETURN(places.state, start::state_path(state_option));
  } else if (!environment("CARREL_SERVICE").empty()) {
    places.environment.emplace_back("CARREL_SERVICE", environment("CARREL_SERVICE"));
  }
  // An editor that is not started from a shell has no such variable of a shell's.
  const std::string state_home = environment("XDG_STATE_HOME");
  if (!state_home.empty()) places.environment.emplace_back("XDG_STATE_HOME", state_home);
  return places;
}

/// A broker that answers; `running` keeps it from ending before it has.
struct Desk {
  start::StateFolder state;
  UniqueFd running;
  client::BrokerClient broker;
};

Result<Desk> go_to_desk(start::StateFolder state) {
  ASSIGN_OR_RETURN(const std::string programs, start::programs_folder());
  ASSIGN_OR_RETURN(UniqueFd running, start::ensure_running(state, programs));
  ASSIGN_OR_RETURN(client::BrokerClient broker, client::BrokerClient::connect(state.run.get()));
  return Desk{std::move(state), std::move(running), std::move(broker)};
}

/// Given to the caller, or opened by them; an admin sees others too.
bool is_own(const protocol::TaskRow& row) {
  const std::string person = "local:" + std::to_string(geteuid());
  return std::find(row.people().begin(), row.people().end(), person) != row.people().end();
}

std::string name_of(const protocol::TaskRow& row) {
  return row.task().substr(row.task().find('/') + 1);
}

Step<std::vector<std::string>> all_names(client::BrokerClient& broker) {
  const auto rows = broker.tasks("");
  if (!rows.ok()) return failed_call(broker, rows.error());
  std::vector<std::string> names;
  for (const protocol::TaskRow& row : rows.value()) {
    if (is_own(row) && row.ended_ns() == 0) names.push_back(name_of(row));
  }
  if (!names.empty()) return names;
  return Failure{kNotGranted,
                 "no task is yours: none is given to you, and you have opened none that has not "
                 "ended"};
}

Step<std::vector<std::string>> check_names(client::BrokerClient& broker,
                                           const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto rows = broker.tasks(name);
    const bool refused = !rows.ok() && broker.refused() && broker.refusal().code == kTaskNotFound;
    if (!rows.ok() && !refused) return failed_call(broker, rows.error());
    if (refused || rows.value().size() != 1 || !is_own(rows.value().front())) {
      return Failure{kNotGranted, "no task local/" + name +
                                      " is yours; carrel task list shows those that are, and "
                                      "`carrel open` makes one of a profile"};
    }
    const protocol::TaskRow& row = rows.value().front();
    if (row.ended_ns() == 0) continue;
    return Failure{kNotGranted, "task local/" + name + " was ended by " + quoted(row.ended_by()) +
                                    ": " + quoted(row.end_reason())};
  }
  return names;
}

Step<std::string> config_text(const SshArguments& arguments) {
  const auto places = find_places(arguments.state);
  if (!places.ok()) return broken(places.error());
  auto state = start::find_state(arguments.state, start::Create::kNo);
  if (!state.ok()) return no_state(state.error());
  auto went = go_to_desk(state.take());
  if (!went.ok()) return broken(went.error());
  Desk desk = went.take();
  Step<std::vector<std::string>> names =
      arguments.names.empty() ? all_names(desk.broker) : check_names(desk.broker, arguments.names);
  if (const Failure* failure = std::get_if<Failure>(&names)) return *failure;
  std::string text;
  for (const std::string& name : std::get<0>(names)) {
    const auto block = config_block(places.value(), name);
    if (!block.ok()) return broken(block.error());
    text += (text.empty() ? "" : "\n") + block.value();
  }
  return text;
}

// ---- carrel connect ----------------------------------------------------------------------------

/// The broker of what runs; none is started, since nothing could run there.
Step<client::BrokerClient> find_broker(const std::string& state_option) {
  const auto state = start::find_state(state_option, start::Create::kNo);
  if (!state.ok()) return no_state(state.error());
  auto broker = client::BrokerClient::connect(state.value().run.get());
  if (broker.ok()) return broker.take();
  return Failure{kNotGranted, "no session runs here: " + to_string(broker.error())};
}

/// Asks for the task of that name, and where none of it runs for the session that the word may
/// mean. Of two refusals the one is shown that was likely meant.
template <typename Request, typename Ask>
auto ask_for(client::BrokerClient& broker, const std::string& name, Request request, Ask ask)
    -> Step<std::decay_t<decltype(ask(request).value())>> {
  request.set_task(name);
  auto of_task = ask(request);
  if (of_task.ok()) return of_task.take();
  const Failure no_task = failed_call(broker, of_task.error());
  if (no_task.code != kNotGranted || !may_be_session(name)) return no_task;
  request.clear_task();
  request.set_session(name);
  auto of_session = ask(request);
  if (of_session.ok()) return of_session.take();
  Failure no_session = failed_call(broker, of_session.error());
  const bool meant = name == "last" || is_ulid(name) || !no_session.text.starts_with("no session ");
  return meant ? no_session : no_task;
}

/// Keeps what ssh needs, checked: what is not the certificate and the key of a server would only
/// make ssh say less clearly that something is wrong.
Status keep(KeyFolder& folder, const std::string& alias, const ssh::PublicKey& key,
            const protocol::CertificateReply& reply) {
  if (!ssh::is_certificate_of(reply.certificate(), key))
    return Error{"the broker's answer holds no certificate of the key that was sent", EPROTO};
  ASSIGN_OR_RETURN(const ssh::PublicKey server, ssh::parse_public_line(reply.host_key()));
  ASSIGN_OR_RETURN(const std::string line, ssh::to_public_line(server, ""));
  RETURN_IF_ERROR(folder.replace("known_hosts", alias + " " + line + "\n"));
  return folder.replace("key-cert.pub", reply.certificate() + "\n");
}

/// Nothing where all is prepared.
std::optional<Failure> prepare(const std::string& state_option, const std::string& name) {
  Step<client::BrokerClient> found = find_broker(state_option);
  if (const Failure* failure = std::get_if<Failure>(&found)) return *failure;
  client::BrokerClient& broker = std::get<0>(found);
  const auto path = own_keys_path();
  if (!path.ok()) return broken(path.error());
  const std::string alias = alias_of(name);
  auto opened = KeyFolder::open(path.value(), alias);
  if (!opened.ok()) return broken(opened.error());
  KeyFolder folder = opened.take();
  const auto key = folder.own_key();
  if (!key.ok()) return broken(key.error());
  protocol::CertificateRequest request;
  request.set_public_key(std::string(evidence::as_view(key.value())));
  const auto reply = ask_for(broker, name, request,
                             [&broker](const auto& asked) { return broker.certificate(asked); });
  if (const Failure* failure = std::get_if<Failure>(&reply)) return *failure;
  const Status kept = keep(folder, alias, key.value(), std::get<0>(reply));
  if (!kept.ok()) return broken(kept.error());
  return std::nullopt;
}

/// The caller's end of an ssh connection to the session.
Step<UniqueFd> join(const std::string& state_option, const std::string& name) {
  Step<client::BrokerClient> found = find_broker(state_option);
  if (const Failure* failure = std::get_if<Failure>(&found)) return *failure;
  client::BrokerClient& broker = std::get<0>(found);
  auto ends = protocol::make_socket_pair();
  if (!ends.ok()) return broken(ends.error());
  auto [ours, theirs] = ends.take();
  protocol::AttachRequest request;
  request.set_ssh(true);
  const int stream = theirs.get();
  const auto reply = ask_for(broker, name, request, [&broker, stream](const auto& asked) {
    return broker.attach(asked, stream);
  });
  if (const Failure* failure = std::get_if<Failure>(&reply)) return *failure;
  return std::move(ours);
}

std::optional<Failure> be_connection(const std::string& state_option, const std::string& name) {
  (void)signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): one thread
  const Step<UniqueFd> joined = join(state_option, name);
  if (const Failure* failure = std::get_if<Failure>(&joined)) return *failure;
  if (const auto why = take_refusal(STDOUT_FILENO, std::get<0>(joined).get())) {
    return Failure{kBroken, *why};
  }
  const auto came = relay(STDIN_FILENO, STDOUT_FILENO, std::get<0>(joined).get());
  if (!came.ok()) return broken(came.error());
  if (came.value() > 0) return std::nullopt;
  return Failure{kBroken, "the session refused the connection; see `carrel status`"};
}

}  // namespace

int run_ssh(const std::vector<std::string>& words, Output output) {
  const auto verb = verb_from(words.empty() ? "" : words.front());
  const auto fail = [&](const Failure& failure) {
    const std::string name(verb ? verb_name(*verb) : "ssh");
    fprintf(output.err, "carrel %s: %s\n", name.c_str(), failure.text.c_str());
    return failure.code;
  };
  if (!verb) return fail({kUsage, "give ssh-config or connect"});
  const auto parsed = parse_arguments(*verb, {words.begin() + 1, words.end()});
  if (!parsed.ok()) {
    return fail({kUsage, to_string(parsed.error()) + " (see: carrel " +
                             std::string(verb_name(*verb)) + " --help)"});
  }
  const SshArguments& arguments = parsed.value();
  if (arguments.help) {
    fputs(help_text(*verb).c_str(), output.out);
    return kOk;
  }
  if (*verb == Verb::kSshConfig) {
    const Step<std::string> text = config_text(arguments);
    if (const Failure* failure = std::get_if<Failure>(&text)) return fail(*failure);
    fputs(std::get<0>(text).c_str(), output.out);
    return kOk;
  }
  const std::string& name = arguments.names.front();
  const std::optional<Failure> failure = arguments.way == Way::kPrepare
                                             ? prepare(arguments.state, name)
                                             : be_connection(arguments.state, name);
  return failure.has_value() ? fail(*failure) : kOk;
}

}  // namespace carrel::ssh_cli
