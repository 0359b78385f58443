#pragma once
// From the sensor to the record: raw records are read, judged and added in the order of the kernel,
// and what was lost is said.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/record/events/event.h"
#include "launcher/watch/sensor/reader.h"
#include "launcher/watch/session/flow_join.h"
#include "launcher/watch/session/judge.h"
#include "launcher/watch/session/record_link.h"
#include "launcher/watch/session/sensor_port.h"

namespace carrel::session {

class SensorFeed {
 public:
  /// References outlive this. `channel_of` says where an event belongs
  /// of which the sensor does not say it, `watch` sees every one
  /// before it is recorded, and `refused` every call that failed at a limit and is no event.
  using ChannelOf = std::function<std::string(const events::Event&)>;
  using Watch = std::function<void(const events::Event&)>;
  using Refused = std::function<void(const sensor::Observation&)>;
  /// Who connects which socket, by its cookie: no event, but what a connection is joined to.
  using Connects = std::function<void(uint64_t cookie, FlowJoin::Owner owner)>;
  SensorFeed(SensorPort& port, Judge& judge, RecordLink& record, ChannelOf channel_of, Watch watch,
             Refused refused, Connects connects)
      : port_(port),
        judge_(judge),
        record_(record),
        channel_of_(std::move(channel_of)),
        watch_(std::move(watch)),
        refused_(std::move(refused)),
        connects_(std::move(connects)) {}

  /// Records what has come, at most about 1 MiB of it. How many bytes.
  size_t take();
  /// Says what was lost since the last call, in an event and to the next seal.
  void check_loss();
  /// After the last process has ended: everything that is left. `make_room` is called before each
  /// megabyte. Bounded for the case that something still runs.
  void finish(const std::function<void()>& make_room);

  struct Totals {
    uint64_t produced = 0;
    uint64_t recorded = 0;
    uint64_t lost = 0;
  };
  [[nodiscard]] uint64_t mark() { return port_.mark(); }
  [[nodiscard]] bool passed(uint64_t mark) const { return port_.passed(mark); }
  [[nodiscard]] bool broken() const { return port_.broken(); }
  /// The kernel's two counters, and what came of them here.
  [[nodiscard]] Totals totals() const;

 private:
  void take_connect(const sensor::Observation& seen);
  SensorPort& port_;
  Judge& judge_;
  RecordLink& record_;
  ChannelOf channel_of_;
  Watch watch_;
  Refused refused_;
  Connects connects_;
  sensor::Reader reader_;
  std::string raw_;
  std::vector<sensor::Observation> seen_;
  sensor::Counts lost_{};
  uint64_t loss_checked_at_seq_ = 0;
};

}  // namespace carrel::session
