#include <utility>

#include "launcher/watch/sensor/ring_copier.h"
#include "launcher/watch/session/sensor_port.h"

namespace carrel::session {
namespace {

class RingPort final : public SensorPort {
 public:
  RingPort(std::unique_ptr<sensor::RingCopier> copier, sensor::Counters counters)
      : copier_(std::move(copier)), counters_(std::move(counters)) {}

  Status start() override { return copier_->start(); }
  [[nodiscard]] pid_t thread_id() const override { return copier_->thread_id(); }
  [[nodiscard]] int bell_fd() const override { return copier_->bell_fd(); }
  size_t take(std::string& out, size_t limit) override { return copier_->take(out, limit); }
  [[nodiscard]] uint64_t mark() override { return copier_->mark(); }
  [[nodiscard]] bool passed(uint64_t mark) const override { return copier_->passed(mark); }
  void stop() override { copier_->stop(); }
  size_t drain() override { return copier_->drain(); }
  [[nodiscard]] sensor::Counts produced() const override { return counters_.produced(); }
  [[nodiscard]] sensor::Counts lost() const override { return counters_.lost(); }

 private:
  std::unique_ptr<sensor::RingCopier> copier_;
  sensor::Counters counters_;
};

}  // namespace

Result<std::unique_ptr<SensorPort>> open_ring(int ring_fd, size_t ring_bytes, int counters_fd) {
  ASSIGN_OR_RETURN(auto copier, sensor::RingCopier::create(ring_fd, ring_bytes));
  ASSIGN_OR_RETURN(auto counters, sensor::Counters::map(counters_fd));
  return std::unique_ptr<SensorPort>(
      std::make_unique<RingPort>(std::move(copier), std::move(counters)));
}

}  // namespace carrel::session
