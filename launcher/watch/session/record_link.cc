#include "launcher/watch/session/record_link.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "broker/wire/protocol/messages.pb.h"
#include "profiles/base/text.h"

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

/// Answers nobody has asked for would pile up; more than this is no broker.
constexpr size_t kMaxAnswers = 1024;

}  // namespace

Result<std::unique_ptr<RecordLink>> RecordLink::start(std::string_view session, Clock clock,
                                                      segments::Entropy entropy,
                                                      evidence::SeedSource seeds, UniqueFd broker) {
  std::unique_ptr<RecordLink> link(new RecordLink(clock, std::move(broker)));
  const Sink sink = [raw = link.get()](Type type, std::string_view body) {
    return raw->broker_.queue(type, body);
  };
  ASSIGN_OR_RETURN(
      Recorder recorder,
      Recorder::start(session, {std::move(clock), std::move(entropy), std::move(seeds), sink}));
  link->recorder_.emplace(std::move(recorder));
  return link;
}

void RecordLink::open(events::RecorderOpen first) {
  if (!failed()) check(recorder_->open(std::move(first)));
}

void RecordLink::add(events::Event event) {
  if (!failed()) check(recorder_->add(std::move(event)));
}

void RecordLink::add(events::Data data, std::string channel) {
  events::Event event;
  event.channel = std::move(channel);
  event.data = std::move(data);
  add(std::move(event));
}

void RecordLink::send(Type type, std::string_view body) {
  if (!failed()) check(broker_.queue(type, body));
}

void RecordLink::close() {
  if (!failed()) check(recorder_->close());
}

void RecordLink::tick() {
  if (failed()) return;
  check(recorder_->tick());
  const auto since = recorder_->waiting_since_ns();
  if (!failed() && since.has_value() && clock_.mono_ns() > *since + kAnswerNs) {
    fail("the broker does not answer");
  }
}

bool RecordLink::full() const {
  return broker_.queued_bytes() + recorder_->pending_bytes() > kMaxWaiting;
}

bool RecordLink::settled() const {
  return recorder_->seals_acknowledged() == recorder_->seals_sent();
}

void RecordLink::fail(std::string why) {
  if (!failed()) failure_ = std::move(why);
  broker_.close();
}

/// A broker that refuses says why before it closes; that sentence is worth more than EPIPE.
void RecordLink::check(const Status& status) {
  if (status.ok() || failed()) return;
  const std::string why = to_string(status.error());
  if (broker_.valid()) {
    const Status last_words = read_answers();
    if (!last_words.ok()) return fail(to_string(last_words.error()));
  }
  fail(why);
}

Status RecordLink::take(Message message) {
  const bool attaches = message.type == Type::kSessionAttach;
  if (message.fds.size() != (attaches ? 1 : 0)) {
    return Error{"the broker sent descriptors out of turn"};
  }
  if (message.type == Type::kFailure) {
    ASSIGN_OR_RETURN(const auto failure, protocol::parse_message<protocol::Failure>(message));
    return Error{"the broker refused: " + quoted(failure.text())};
  }
  if (message.type == Type::kSealed) {
    ASSIGN_OR_RETURN(const auto sealed, protocol::parse_message<protocol::Sealed>(message));
    return recorder_->take_sealed(sealed.index());
  }
  if (message.type != Type::kMinted && message.type != Type::kBlobStored &&
      message.type != Type::kSessionOrder && message.type != Type::kGrantAnswer && !attaches) {
    return Error{"the broker sent a message of no known type"};
  }
  if (answers_.size() >= kMaxAnswers) return Error{"the broker answers what nobody asked"};
  answers_.push_back(std::move(message));
  return Done{};
}

Status RecordLink::read_answers() {
  ASSIGN_OR_RETURN(const bool open, broker_.fill());
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Message> message, broker_.next());
    if (!message.has_value()) break;
    RETURN_IF_ERROR(take(std::move(*message)));
  }
  if (!open) return Error{"the broker has gone"};
  return Done{};
}

void RecordLink::pump() {
  if (failed()) return;
  check(broker_.flush());
  if (failed()) return;
  const Status read = read_answers();
  if (!read.ok()) fail(to_string(read.error()));
}

std::vector<Message> RecordLink::take_answers() {
  return std::exchange(answers_, {});
}

bool RecordLink::wait(uint64_t timeout_ms, const std::function<bool()>& done) {
  const uint64_t until = clock_.mono_ns() + timeout_ms * kNsPerMs;
  while (true) {
    pump();
    if (done()) return true;
    const uint64_t now = clock_.mono_ns();
    if (failed() || now >= until) return false;
    pollfd ready{fd(), static_cast<short>(POLLIN | (wants_write() ? POLLOUT : 0)), 0};
    poll(&ready, 1, static_cast<int>((until - now) / kNsPerMs) + 1);
  }
}

}  // namespace carrel::session
