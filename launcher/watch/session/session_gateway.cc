// The session and the workspace's way out.

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "launcher/watch/session/session.h"
#include "profiles/base/text.h"
#include "profiles/model/credentials.h"

namespace carrel::session {
namespace {

constexpr uint64_t kLastWordsNs = 5 * kNsPerS;
constexpr uint64_t kKilledNs = 20 * kNsPerS;  // what the launcher may take to end it
constexpr int kMostReads = 64;                // of what a gateway that has died had said

}  // namespace

void Session::serve_gateway() {
  std::vector<NetworkEvent> came = gateway_.receive(now());
  // The records of who connected are older than the word of the connection.
  const uint64_t mark = came.empty() ? 0 : feed_.mark();
  for (NetworkEvent& told : came) {
    if (const auto* query = std::get_if<events::DnsQuery>(&told.event.data)) {
      judge_.learn(query->address, query->name);
    }
    flows_.tell(std::move(told), mark, now());
  }
  settle_network();
}

/// The one that waits for the gate is the launcher's.
void Session::watch_gateway() {
  if (gate_opened_ns_.has_value()) gateway_.watch(now(), !record_->full() && !flows_.full());
}

void Session::tell_network(const FlowJoin::Passed& passed, uint64_t now_ns) {
  for (events::Event& event : flows_.take(passed, now_ns)) {
    say(event);
    record_->add(std::move(event));
  }
}

/// Connections are recorded with the process behind them once the sensor has been read so far.
void Session::settle_network() {
  const auto passed = [this](uint64_t mark) { return feed_.passed(mark); };
  if (record_->full()) return flows_.wait_from(now());
  tell_network(passed, now());
  if (flows_.waiting()) {
    serve(Source::kSensor, 0);
    tell_network(passed, now());
  }
  if (flows_.waiting() || !gateway_.lost()) return;
  lose_gateway();
  // It may have hung up here alone. Before the gate the launcher does not listen.
  protocol::GatewayBack missed;
  missed.set_times(gateway_times_);
  if (launcher_open_ && gate_opened_ns_.has_value()) {
    tell(protocol::Type::kGatewayBack, missed.SerializeAsString());
  }
}

void Session::lose_gateway() {
  flows_.forget_open();
  const std::string how =
      gateway_.silent()
          ? "did not answer for " + std::to_string(GatewayPort::kAnswerNs / kNsPerS) + " s"
          : "has hung up";
  // Nobody has killed it yet.
  record_->add(events::NetAnomaly{
      "gateway-lost", "", "it " + how + " and is ended; its connections are reset with that"});
  inform(protocol::Type::kNotice,
         std::string("carrel: the gateway ") +
             (gateway_.silent() ? "does not answer and is ended" : "has ended") +
             ": connections outside are reset. The screen says what becomes of it.\n");
}

/// Another gateway, which knows nothing of what was granted and issued since the start; or the last
/// word on it.
void Session::take_gateway_back(protocol::Message message) {
  const auto back = protocol::parse_message<protocol::GatewayBack>(message);
  if (back.ok() && back.value().over()) gateway_over_ = true;
  if (!back.ok() || back.value().over() || ending_.has_value()) return;
  // The launcher may have seen its end first: what it had said by then is heard.
  for (int i = 0; i < kMostReads && !gateway_.gone(); ++i)
    serve_gateway();
  gateway_.drop();
  if (gateway_.lost()) lose_gateway();
  if (message.fds.size() != 1) {
    record_->add(events::NetAnomaly{"gateway-gone", "", back.value().why()});
    return inform(protocol::Type::kNotice,
                  "carrel: there is no gateway any more (" + quoted(back.value().why()) +
                      "): nothing outside can be reached until the next session.\n");
  }
  record_->add(events::NetAnomaly{"gateway-back", "",
                                  std::to_string(back.value().times()) + " of " +
                                      std::to_string(back.value().most()) + " times"});
  gateway_.replace(std::move(message.fds.front()));
  gateway_times_ = back.value().times();
  for (const protocol::GatewayGrant& grant : grants_.granted(both_clocks()))
    gateway_.grant(grant);
  gateway_.go();
  leases_.ask_again();
  inform(protocol::Type::kNotice, "carrel: the gateway is there again.\n");
}

inside::Answer Session::answer(const inside::Question& question) {
  if (question.ask == inside::Ask::kNetwork) return request_network(question.subject);
  if (question.ask == inside::Ask::kCredential) return request_credential(question.subject);
  return answers_.answer(question, live_facts());
}

inside::Answer Session::request_network(std::string_view subject) {
  if (gateway_.gone()) {
    return {1, profile_.networks.empty()
                   ? "carrel: request: this workspace has no way out: its profile needs a "
                     "[[network]] table first\n"
                   : "carrel: request: there is no gateway now: nothing can be granted until the "
                     "screen says that it is there again\n"};
  }
  return pass_on(grants_.ask(subject, judge_.grants(), both_clocks(), ends_ns()));
}

inside::Answer Session::request_credential(std::string_view subject) {
  const model::Credential* wanted =
      model::find_credential(profile_, subject.substr(0, subject.find('\0')));
  if (wanted != nullptr && model::is_outside(wanted->kind) && gateway_.gone()) {
    return {1,
            "carrel: request: this credential is for the gateway, and there is none: nothing can "
            "be granted\n"};
  }
  return pass_on(grants_.ask_credential(subject, both_clocks(), ends_ns()));
}

/// When the session ends, whatever anybody types.
std::optional<uint64_t> Session::ends_ns() const {
  std::optional<uint64_t> ends_ns;
  for (const TimeRules::Left& left : time_.ends(both_clocks())) {
    if (left.limit == "idle_timeout") continue;
    ends_ns = std::min(ends_ns.value_or(UINT64_MAX), clock_.real_ns() + left.left_ns);
  }
  return ends_ns;
}

inside::Answer Session::pass_on(GrantDesk::Asked asked) {
  if (asked.request.has_value()) {
    record_->add(std::move(asked.event));
    record_->send(protocol::Type::kGrantRequest, asked.request->SerializeAsString());
  }
  return std::move(asked.answer);
}

void Session::take_decision(const protocol::GrantAnswer& answer) {
  if (ending_.has_value()) return;
  if (const auto change = grants_.take(answer, both_clocks())) carry_out(*change);
}

/// The record first, then the gateway: nothing passes that is not told of.
void Session::carry_out(const GrantDesk::Change& change) {
  record_->add(change.event);
  if (change.network.has_value()) {
    judge_.grant(change.event.id, *change.network);
  } else if (change.event.action == "ended") {
    judge_.end_grant(change.event.id);
  }
  if (change.gateway.has_value()) gateway_.grant(*change.gateway);
  inform(protocol::Type::kNotice, change.line);
  if (change.credential.empty()) return;
  if (change.credential_until_ns != 0) {
    return leases_.grant(change.credential, change.credential_until_ns / kNsPerS);
  }
  const Status ended = leases_.end_granted(change.credential);
  if (!ended.ok()) end(ended_by_policy(ended.error()), Stop::kKill);
}

/// There is no credential, or none any more, that was granted: its grant is over.
void Session::end_failed_credentials() {
  for (const LeaseKeeper::Failed& failed : leases_.take_failed()) {
    const auto change = grants_.fail_credential(failed.name, "there is none: " + failed.why);
    if (change.has_value()) carry_out(*change);
  }
}

/// Until `done`, or so long. What the record has no room for is not read meanwhile.
void Session::hear_gateway(uint64_t for_ns, const std::function<bool()>& done) {
  const uint64_t until = now() + for_ns;
  while (!done() && now() < until) {
    const bool hears = record_->failed() || (!record_->full() && !flows_.full());
    std::array<pollfd, 4> waits{pollfd{hears ? gateway_.fd() : -1, POLLIN, 0},
                                pollfd{record_->full() ? -1 : sensor_->bell_fd(), POLLIN, 0},
                                pollfd{record_->fd(), POLLIN, 0},
                                pollfd{launcher_open_ ? launcher_.fd() : -1, POLLIN, 0}};
    poll(waits.data(), waits.size(), static_cast<int>(kNsPerS / kNsPerMs / 10));
    gateway_.flush();
    if (waits[1].revents != 0) serve(Source::kSensor, 0);
    if (waits[3].revents != 0) serve_launcher();
    if (hears) {
      serve_gateway();
    } else {
      settle_network();
    }
    record_->pump();
  }
}

/// Nothing of the workspace runs any more: its connections are cut, and their ends recorded. Then
/// the gateway ends, whatever it said: credentials end when nobody holds them any more. What is to
/// be said if it lives on, else "".
std::string Session::end_gateway() {
  for (const GrantDesk::Change& change : grants_.end_all()) {
    judge_.end_grant(change.event.id);
    record_->add(change.event);
  }
  gateway_.end();
  hear_gateway(kLastWordsNs,
               [this] { return record_->failed() || (gateway_.ended() && !flows_.waiting()); });
  const bool disobeys = gateway_.disobeys();
  const std::string left = kill_gateway();
  std::string why = disobeys ? "it did not end its connections when the session ended" : "";
  if (disobeys && left.empty()) why += ", and was ended itself";
  if (!left.empty()) why += (disobeys ? "; " : "") + left;
  if (!why.empty()) record_->add(events::NetAnomaly{"gateway-lost", "", why});
  tell_network([](uint64_t) { return false; }, UINT64_MAX);
  return left;
}

/// The launcher ends the process: that its channel has ended proves nothing. What is to be said
/// without its word, else "".
std::string Session::kill_gateway() {
  // Before the gate the launcher does not listen, and nothing has come through the gateway.
  if (!gate_opened_ns_.has_value() || profile_.networks.empty()) return "";
  protocol::GatewayBack over;
  over.set_over(true);
  const bool asked = launcher_.send(protocol::Type::kGatewayBack, over.SerializeAsString()).ok();
  hear_gateway(kKilledNs,
               [&] { return gateway_over_ || ((!asked || !launcher_open_) && gateway_.gone()); });
  hear_gateway(kLastWordsNs, [this] { return gateway_.gone() || record_->full(); });
  if (gateway_.hung_up()) {
    record_->add(events::NetAnomaly{"gateway-lost", "", "its last words were not read"});
    gateway_.drop();
  }
  if (gateway_over_) return "";
  return asked && launcher_open_
             ? "the gateway could not be ended"
             : "nobody knows whether the gateway has ended: its launcher has gone";
}

}  // namespace carrel::session
