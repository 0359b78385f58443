#include "launcher/watch/session/recorder.h"

#include <algorithm>
#include <utility>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::session {
namespace {

using evidence::SealState;
using protocol::Type;

/// The wall clock is followed in steps, not to the nanosecond: a block's events then share one
/// difference of the two clocks and compress well.
constexpr uint64_t kClockStepNs = kNsPerMs;

}  // namespace

Recorder::Recorder(Tools tools, evidence::SealChain chain)
    : tools_(std::move(tools)), blocks_(tools_.entropy), chain_(std::move(chain)) {}

Result<Recorder> Recorder::start(std::string_view session, Tools tools) {
  ASSIGN_OR_RETURN(evidence::SealChain chain,
                   evidence::SealChain::start(evidence::session_origin(session), tools.seeds));
  return Recorder(std::move(tools), std::move(chain));
}

Status Recorder::open(events::RecorderOpen first) {
  if (tree_.size() != 0) return Error{"the record is open already"};
  events::Event event;
  event.data = std::move(first);
  RETURN_IF_ERROR(keep(std::move(event)));
  RETURN_IF_ERROR(send_blocks());
  return send_seal(SealState::kOpen);
}

Status Recorder::add(events::Event event) {
  if (chain_.next_index() == 0 || chain_.closed()) return Error{"the record is not open"};
  RETURN_IF_ERROR(keep(std::move(event)));
  if (tree_.size() - sealed_events_ >= kSealEvents) return send_seal(SealState::kRunning);
  if (blocks_.pending_bytes() >= kBlockBytes) return send_blocks();
  return Done{};
}

void Recorder::stamp(events::Event& event) {
  const uint64_t mono_ns = tools_.clock.mono_ns();
  const uint64_t offset = tools_.clock.real_ns() - mono_ns;
  const uint64_t drift = std::min(offset - clock_offset_ns_, clock_offset_ns_ - offset);
  if (drift > kClockStepNs) clock_offset_ns_ = offset;
  event.seq = blocks_.next_seq();
  if (event.mono_ns == 0) event.mono_ns = mono_ns;
  event.real_ns = event.mono_ns + clock_offset_ns_;
}

Status Recorder::keep(events::Event event) {
  stamp(event);
  ASSIGN_OR_RETURN(const evidence::Digest hash, blocks_.add(event));
  tree_.append(sha_, hash);
  if (event.verdict == events::Verdict::kDenied) ++denied_;
  if (std::holds_alternative<events::FileChanged>(event.data)) ++changed_;
  const uint64_t now = tools_.clock.mono_ns();
  if (!first_unsent_ns_.has_value()) first_unsent_ns_ = now;
  if (!first_unsealed_ns_.has_value()) first_unsealed_ns_ = now;
  return Done{};
}

Status Recorder::send_blocks() {
  first_unsent_ns_.reset();
  ASSIGN_OR_RETURN(const std::vector<std::string> ready, blocks_.take());
  for (const std::string& block : ready)
    RETURN_IF_ERROR(tools_.sink(Type::kSegmentBlock, block));
  return Done{};
}

/// Events first: a seal over what the broker does not have is refused.
Status Recorder::send_seal(SealState state) {
  RETURN_IF_ERROR(send_blocks());
  const bool first = state == SealState::kOpen;
  evidence::SealChain::Head head;
  head.size = first ? 0 : tree_.size();
  head.root = first ? evidence::CompactTree().root(sha_) : tree_.root(sha_);
  head.lost = lost_;
  head.state = state;
  protocol::Seal message;
  ASSIGN_OR_RETURN(*message.mutable_note(), chain_.seal(head));
  message.set_first(first);
  message.set_closing(state == SealState::kClosed);
  message.set_events(tree_.size());
  message.set_denied(denied_);
  message.set_changed(changed_);
  message.set_lost(lost_);
  last_seal_ns_ = tools_.clock.mono_ns();
  if (acknowledged_ + 1 == chain_.next_index()) waiting_since_ns_ = last_seal_ns_;
  if (!first) {
    sealed_events_ = tree_.size();
    first_unsealed_ns_.reset();
  }
  return tools_.sink(Type::kSeal, message.SerializeAsString());
}

Status Recorder::tick() {
  if (chain_.next_index() == 0 || chain_.closed()) return Done{};
  const uint64_t now = tools_.clock.mono_ns();
  const bool seal = first_unsealed_ns_.has_value() ? now >= *first_unsealed_ns_ + kSealAfterNs
                                                   : now >= last_seal_ns_ + kHeartbeatNs;
  if (seal) return send_seal(SealState::kRunning);
  if (first_unsent_ns_.has_value() && now >= *first_unsent_ns_ + kBlockAfterNs) {
    return send_blocks();
  }
  return Done{};
}

uint64_t Recorder::next_due_ns() const {
  uint64_t due = first_unsealed_ns_.has_value() ? *first_unsealed_ns_ + kSealAfterNs
                                                : last_seal_ns_ + kHeartbeatNs;
  if (first_unsent_ns_.has_value()) due = std::min(due, *first_unsent_ns_ + kBlockAfterNs);
  return due;
}

Status Recorder::close() {
  if (chain_.next_index() == 0 || chain_.closed()) return Error{"the record is not open"};
  return send_seal(SealState::kClosed);
}

Status Recorder::take_sealed(uint64_t index) {
  if (index != acknowledged_ || index >= chain_.next_index()) {
    return Error{"the broker acknowledged a seal out of order", 0};
  }
  ++acknowledged_;
  waiting_since_ns_ = tools_.clock.mono_ns();
  return Done{};
}

std::optional<uint64_t> Recorder::waiting_since_ns() const {
  if (acknowledged_ == chain_.next_index()) return std::nullopt;
  return waiting_since_ns_;
}

}  // namespace carrel::session
