#include <time.h>

#include <cerrno>

#include "launcher/cli/work/verbs.h"
#include "profiles/base/text.h"

namespace carrel::work {
namespace {

/// Ten seconds for programs, ten until the workspace is empty, the tree difference, the record.
constexpr int kCloseTurns = 1200;
constexpr int kPauseTurns = 150;

void wait_a_moment() {
  const timespec moment{0, 100'000'000};
  nanosleep(&moment, nullptr);
}

/// Nothing: it does not run any more.
Result<std::optional<protocol::SessionStatus>> look(client::BrokerClient& broker,
                                                    const std::string& session) {
  auto found = broker.status(session);
  if (!found.ok()) {
    if (broker.refused() && broker.refusal().code == kNotFound) {
      return std::optional<protocol::SessionStatus>();
    }
    return found.take_error();
  }
  if (found.value().size() != 1) return Error{"the broker answered out of turn", EPROTO};
  return std::optional(found.value().front());
}

Result<Carried> how_it_ended(client::BrokerClient& broker, const std::string& session) {
  ASSIGN_OR_RETURN(const auto rows, broker.sessions());
  for (const protocol::SessionRow& row : rows) {
    if (row.session() != session) continue;
    const std::string how =
        row.state() == "closed"
            ? ""
            : "; its record is " + quoted(row.state()) + ": carrel verify " + session.substr(0, 12);
    return Carried{row.state() == "closed" ? kOk : kFailed,
                   "session " + session + " has ended (" + quoted(row.end_by()) + " " +
                       std::to_string(row.end_code()) + ")" + how};
  }
  return Carried{kFailed, "session " + session + " has ended, and its row is gone"};
}

Result<Carried> wait_closed(client::BrokerClient& broker, const std::string& session) {
  for (int turn = 0; turn < kCloseTurns; ++turn) {
    ASSIGN_OR_RETURN(const auto status, look(broker, session));
    if (!status.has_value()) return how_it_ended(broker, session);
    wait_a_moment();
  }
  return Carried{kFailed, "session " + session + " was told to end and has not within 2 minutes"};
}

Result<Carried> wait_paused(client::BrokerClient& broker, const std::string& session, bool paused) {
  for (int turn = 0; turn < kPauseTurns; ++turn) {
    ASSIGN_OR_RETURN(const auto status, look(broker, session));
    if (!status.has_value()) {
      // What was paused may be over a moment after it goes on: that is no failure of resume.
      if (!paused) return how_it_ended(broker, session);
      return Carried{kFailed, "session " + session + " has ended"};
    }
    if (status->state().paused() == paused) {
      return Carried{kOk, "session " + session + (paused ? " is paused" : " goes on")};
    }
    wait_a_moment();
  }
  return Carried{kFailed, "session " + session +
                              (paused ? " was told to pause and moves still"
                                      : " was told to go on and stands still") +
                              " after 15 s"};
}

}  // namespace

Result<Carried> carry_out(client::BrokerClient& broker, const WorkArguments& arguments) {
  protocol::OrderRequest request;
  request.set_session(arguments.session);
  request.set_order(std::string(verb_name(arguments.verb)));
  request.set_reason(arguments.reason);
  request.set_now(arguments.now);
  ASSIGN_OR_RETURN(const std::string session, broker.order(request));
  if (arguments.verb == Verb::kClose) return wait_closed(broker, session);
  return wait_paused(broker, session, arguments.verb == Verb::kPause);
}

}  // namespace carrel::work
