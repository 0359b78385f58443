#pragma once
// Makes what a supervisor sends, with the record's own writers: blocks of events and signed seals.

#include <algorithm>
#include <span>
#include <string>

#include "broker/record/events/event.h"
#include "broker/record/evidence/merkle.h"
#include "broker/record/evidence/seal.h"
#include "broker/record/segments/block.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"

namespace carrel::support {

class SessionMaker {
 public:
  explicit SessionMaker(const std::string& session)
      : session_(session),
        blocks_([](std::span<uint8_t> out) { std::fill(out.begin(), out.end(), uint8_t{7}); }),
        chain_(
            evidence::SealChain::start(evidence::session_origin(session), evidence::generate_seed)
                .take()) {}

  void add(events::Data data, events::Verdict verdict = events::Verdict::kObserved) {
    events::Event event;
    event.seq = count_++;
    event.mono_ns = event.seq + 1;
    event.real_ns = 1'700'000'000'000'000'000 + event.seq;
    event.verdict = verdict;
    event.data = std::move(data);
    tree_.append(sha_, blocks_.add(event).take());
  }

  events::RecorderOpen first_event() const {
    events::RecorderOpen open;
    open.profile_name = "demo";
    open.profile_version = 3;
    open.profile_sha256 = std::string(32, 'p');
    open.task = "local/demo";
    open.workspace = "01hzw00000000000000000000a";
    open.person = "local:1000";
    open.host = "desk";
    open.mode = "root";
    open.command = {"/bin/true"};
    return open;
  }

  protocol::Message block() {
    const auto blocks = blocks_.take().take();
    return {protocol::Type::kSegmentBlock, blocks.at(0), {}};
  }

  protocol::Message seal(evidence::SealState state, uint64_t lost = 0) {
    const bool open = state == evidence::SealState::kOpen;
    evidence::SealChain::Head head;
    head.size = open ? 0 : count_;
    head.root = open ? evidence::CompactTree().root(sha_) : tree_.root(sha_);
    head.lost = lost;
    head.state = state;
    protocol::Seal message;
    message.set_note(chain_.seal(head).take());
    message.set_events(count_);
    message.set_denied(1);
    message.set_changed(2);
    message.set_lost(lost);
    return {protocol::Type::kSeal, message.SerializeAsString(), {}};
  }

  uint64_t count() const { return count_; }

 private:
  std::string session_;
  segments::BlockWriter blocks_;
  evidence::SealChain chain_;
  evidence::CompactTree tree_;
  evidence::Sha256 sha_;
  uint64_t count_ = 0;
};

}  // namespace carrel::support
