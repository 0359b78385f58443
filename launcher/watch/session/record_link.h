#pragma once
// The record and the broker that keeps it: what the session adds goes out in order and within
// bounds, and the first thing that goes wrong ends it for good.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "launcher/watch/session/recorder.h"

namespace carrel::session {

class RecordLink {
 public:
  /// More than this waiting for the broker: take nothing from terminal and sensor.
  static constexpr size_t kMaxWaiting = size_t{8} << 20;
  /// A broker that has a seal for so long without an answer does not keep the record.
  static constexpr uint64_t kAnswerNs = 60 * kNsPerS;

  static Result<std::unique_ptr<RecordLink>> start(std::string_view session, Clock clock,
                                                   segments::Entropy entropy,
                                                   evidence::SeedSource seeds, UniqueFd broker);
  RecordLink(const RecordLink&) = delete;
  RecordLink& operator=(const RecordLink&) = delete;

  /// These do nothing once the link has failed.
  void open(events::RecorderOpen first);
  void add(events::Event event);
  /// An event about the session itself: observed, now.
  void add(events::Data data, std::string channel = {});
  void send(protocol::Type type, std::string_view body);
  void tick();
  void close();
  void set_lost(uint64_t lost) { recorder_->set_lost(lost); }

  /// Writes what the socket takes and reads what has come; acknowledgements are taken care of.
  void pump();
  /// The other messages (Minted, BlobStored, SessionOrder, GrantAnswer) since the last call.
  std::vector<protocol::Message> take_answers();
  /// Pumps until `done()` or the link fails; false when the time passes first.
  bool wait(uint64_t timeout_ms, const std::function<bool()>& done);

  [[nodiscard]] bool failed() const { return failure_.has_value(); }
  /// Why the record cannot be kept any more; "" while it can.
  [[nodiscard]] std::string failure() const { return failure_.value_or(""); }
  [[nodiscard]] bool full() const;
  [[nodiscard]] bool opened() const { return recorder_->seals_acknowledged() > 0; }
  /// Every seal that was sent is durable.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] int fd() const { return broker_.fd(); }
  [[nodiscard]] bool wants_write() const { return broker_.wants_write(); }
  [[nodiscard]] uint64_t next_due_ns() const { return recorder_->next_due_ns(); }
  [[nodiscard]] const Recorder& recorder() const { return *recorder_; }

 private:
  RecordLink(Clock clock, UniqueFd broker) : clock_(std::move(clock)), broker_(std::move(broker)) {}
  void check(const Status& status);
  void fail(std::string why);
  Status take(protocol::Message message);
  Status read_answers();

  Clock clock_;
  protocol::Connection broker_;
  std::optional<Recorder> recorder_;
  std::vector<protocol::Message> answers_;
  std::optional<std::string> failure_;
};

}  // namespace carrel::session
