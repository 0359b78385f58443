#include "launcher/cli/work/task.h"

#include <time.h>

#include <cerrno>

#include "broker/wire/protocol/connection.h"
#include "launcher/cli/open/inputs.h"
#include "launcher/cli/review/fields.h"
#include "launcher/cli/start/services.h"
#include "profiles/base/text.h"
#include "profiles/sources/sources.h"

namespace carrel::work {
namespace {

constexpr uint64_t kNsPerS = 1'000'000'000;
constexpr int kCloseTurns = 1200;
constexpr int kEraseMs = 120'000;

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerS + static_cast<uint64_t>(now.tv_nsec);
}

Error failed(int* code, int with, const Error& error) {
  *code = with;
  return error;
}

/// Codes of other verbs: what was refused as not granted or not found is 2, anything else 1.
Error refused(const client::BrokerClient& broker, int* code, const Error& error) {
  return failed(code, broker.refused() && broker.refusal().code == kNotFound ? kNotFound : kFailed,
                error);
}

Result<std::string> create(const TaskArguments& arguments, client::BrokerClient& broker,
                           const start::StateFolder& state, int* code) {
  open::InputFailure failure;
  const Result<std::string> programs = start::programs_folder();
  if (!programs.ok()) return failed(code, kFailed, programs.error());
  const Result<open::Inputs> inputs =
      open::read_profile(arguments.profile, sources::library_folder(programs.value()), &failure);
  if (!inputs.ok()) return failed(code, kFailed, Error{failure.text});
  if (start::is_service(state)) {
    const Status there = open::check_sources(inputs.value());
    if (!there.ok()) return failed(code, kFailed, there.error());
  }
  protocol::TaskCreateRequest request;
  request.set_name(arguments.name);
  request.set_profile_source(inputs.value().source);
  request.set_profile_path(inputs.value().path);
  request.set_canonical(inputs.value().canonical);
  request.set_agreement_text(inputs.value().agreement_text);
  for (const parse::UsedSource& parent : inputs.value().parents) {
    protocol::ExtendedSource* extended = request.add_extended();
    extended->set_name(parent.name);
    extended->set_source(parent.source);
  }
  for (const std::string& word : arguments.people) {
    const Result<std::string> person = person_of(word);
    if (!person.ok()) return failed(code, kFailed, person.error());
    request.add_people(person.value());
  }
  if (!arguments.until.empty()) {
    const Result<uint64_t> until = parse_moment(arguments.until);
    if (!until.ok()) return failed(code, kFailed, until.error());
    request.set_until_ns(until.value());
  } else if (arguments.for_s != 0) {
    request.set_until_ns(now_ns() + arguments.for_s * kNsPerS);
  }
  const auto row = broker.create_task(request);
  if (!row.ok()) return refused(broker, code, row.error());
  return arguments.shape == Shape::kJson ? task_json(row.value()) + "\n" : task_page(row.value());
}

Result<std::string> list(const TaskArguments& arguments, client::BrokerClient& broker, int* code) {
  const auto rows = broker.tasks("");
  if (!rows.ok()) return refused(broker, code, rows.error());
  if (arguments.shape == Shape::kText) return task_table(rows.value());
  std::string out = "[";
  for (const protocol::TaskRow& row : rows.value())
    out += (out.size() > 1 ? "," : "") + task_json(row);
  return out + "]\n";
}

Result<std::string> show(const TaskArguments& arguments, client::BrokerClient& broker, int* code) {
  const auto rows = broker.tasks(arguments.name);
  if (!rows.ok()) return refused(broker, code, rows.error());
  if (rows.value().size() != 1) {
    return failed(code, kFailed, Error{"the broker answered out of turn", EPROTO});
  }
  const protocol::TaskRow& row = rows.value().front();
  return arguments.shape == Shape::kJson ? task_json(row) + "\n" : task_page(row);
}

// ---- the end -----------------------------------------------------------------------------------

/// Ended means that nothing of it runs: proved and recorded by each session.
Status wait_closed(client::BrokerClient& broker, const protocol::TaskEndReply& reply) {
  for (const std::string& session : reply.sessions()) {
    int turn = 0;
    while (true) {
      const auto status = broker.status(session);
      if (!status.ok()) {
        if (broker.refused() && broker.refusal().code == kNotFound) break;
        return status.error();
      }
      if (++turn > kCloseTurns) {
        return Error{"session " + session + " was told to end and has not within 2 minutes"};
      }
      const timespec moment{0, 100'000'000};
      nanosleep(&moment, nullptr);
    }
  }
  return Done{};
}

/// "" when the launcher has erased it, else why not.
std::string erase(const start::StateFolder& state, const protocol::EndTicket& ticket) {
  Result<UniqueFd> socket = client::connect_beneath(state.run.get(), "launcher.sock");
  if (!socket.ok()) return to_string(socket.error());
  protocol::Connection launcher(socket.take());
  protocol::EndWorkspaceRequest request;
  request.set_ticket(ticket.ticket());
  const Status sent =
      protocol::send_message(launcher, protocol::Type::kEndWorkspaceRequest, request);
  if (!sent.ok()) return to_string(sent.error());
  auto answer = launcher.receive(kEraseMs);
  if (!answer.ok()) return to_string(answer.error());
  if (!answer.value().has_value() || answer.value()->type != protocol::Type::kEndWorkspaceReply) {
    return "the launcher closed the connection";
  }
  const auto reply = protocol::parse_message<protocol::EndWorkspaceReply>(*answer.value());
  if (!reply.ok()) return to_string(reply.error());
  return reply.value().erased() ? "" : quoted(reply.value().text());
}

Result<std::string> end(const TaskArguments& arguments, client::BrokerClient& broker,
                        const start::StateFolder& state, int* code) {
  protocol::TaskEndRequest request;
  request.set_name(arguments.name);
  request.set_reason(arguments.reason);
  request.set_now(arguments.now);
  auto reply = broker.end_task(request);
  if (!reply.ok()) return refused(broker, code, reply.error());
  Status closed = wait_closed(broker, reply.value());
  if (!closed.ok()) return failed(code, kFailed, closed.error());
  std::string out = "task " + quoted(reply.value().row().task()) + " has ended; " +
                    std::to_string(reply.value().sessions_size()) + " sessions were closed\n";
  if (reply.value().sessions_size() > 0) {
    // What their last records say is known now; with `now` the tickets come with it.
    request.set_now(true);
    if (arguments.now) {
      reply = broker.end_task(request);
      if (!reply.ok()) return refused(broker, code, reply.error());
    }
  }
  const auto rows = broker.tasks(arguments.name);
  if (!rows.ok()) return refused(broker, code, rows.error());
  for (const protocol::TaskRow& row : rows.value()) {
    for (const protocol::WorkspaceRow& workspace : row.workspaces()) {
      out += "workspace " + quoted(workspace.workspace()) + " of " + quoted(workspace.person()) +
             ": " + std::to_string(workspace.changed()) +
             " changed paths in the record of its last session were not handed in\n";
    }
  }
  for (const protocol::EndTicket& ticket : reply.value().tickets()) {
    const std::string why = erase(state, ticket);
    out += "workspace " + quoted(ticket.workspace()) +
           (why.empty() ? " is erased" : " is kept: " + why) + "\n";
    if (!why.empty()) *code = kFailed;
  }
  if (*code == kFailed) return Error{out.substr(0, out.size() - 1)};
  return out;
}

}  // namespace

Result<std::string> run_task(const TaskArguments& arguments, client::BrokerClient& broker,
                             const start::StateFolder& state, int* code) {
  *code = kOk;
  switch (arguments.verb) {
    case TaskVerb::kCreate:
      return create(arguments, broker, state, code);
    case TaskVerb::kList:
      return list(arguments, broker, code);
    case TaskVerb::kShow:
      return show(arguments, broker, code);
    case TaskVerb::kEnd:
      break;
  }
  return end(arguments, broker, state, code);
}

}  // namespace carrel::work
