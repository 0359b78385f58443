#include "launcher/watch/session/sensor_feed.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace carrel::session {
namespace {

constexpr size_t kTakeBytes = size_t{1} << 20;
/// Ring and queue hold less than a third of it.
constexpr size_t kMostBytesAtEnd = size_t{256} << 20;

/// The sensor reports any call that failed for these, besides those that the table refuses.
bool is_at_limit(const sensor::Observation& seen) {
  return seen.raw.has_value() &&
         (seen.error == EMFILE || seen.error == ENOSPC || seen.error == EDQUOT);
}

}  // namespace

size_t SensorFeed::take() {
  raw_.clear();
  const size_t bytes = port_.take(raw_, kTakeBytes);
  seen_.clear();
  reader_.feed(raw_, seen_);
  for (sensor::Observation& each : seen_) {
    if (each.cookie != 0) {
      take_connect(each);
      continue;
    }
    if (is_at_limit(each)) refused_(each);
    auto event = judge_.judge(std::move(each));
    if (!event.has_value()) continue;
    if (event->channel.empty()) event->channel = channel_of_(*event);
    watch_(*event);
    record_.add(std::move(*event));
  }
  return bytes;
}

/// As it stands now: the process may execute something else, or end, with its next record.
void SensorFeed::take_connect(const sensor::Observation& seen) {
  events::Event event;
  event.process = seen.process;
  event.data = seen.data;
  std::string channel = channel_of_(event);
  connects_(seen.cookie, {seen.process, std::move(channel)});
}

void SensorFeed::check_loss() {
  const sensor::Counts now = port_.lost();
  if (now == lost_) {
    loss_checked_at_seq_ = record_.recorder().events();
    return;
  }
  events::RecorderLoss loss;
  loss.since_seq = loss_checked_at_seq_;
  for (size_t type = 0; type < now.size(); ++type) {
    if (now[type] <= lost_[type]) continue;
    const std::string_view name = sensor::record_name(type);
    loss.counts[name.empty() ? "type " + std::to_string(type) : std::string(name)] =
        now[type] - lost_[type];
  }
  lost_ = now;
  record_.add(std::move(loss));
  record_.set_lost(sensor::total(now));
  loss_checked_at_seq_ = record_.recorder().events();
}

void SensorFeed::finish(const std::function<void()>& make_room) {
  port_.stop();
  size_t left = kMostBytesAtEnd;
  size_t moved = 0;
  do {
    make_room();
    const size_t drained = port_.drain();
    moved = take();
    left -= std::min(left, moved);
    moved += drained;
  } while (moved > 0 && left > 0);
  check_loss();
}

SensorFeed::Totals SensorFeed::totals() const {
  return {sensor::total(port_.produced()), sensor::total(reader_.recorded()), sensor::total(lost_)};
}

}  // namespace carrel::session
