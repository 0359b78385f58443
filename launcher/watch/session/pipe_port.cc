#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launcher/watch/session/sensor_port.h"

namespace carrel::session {
namespace {

/// How long the last words of a sensor whose workspace has ended may take.
constexpr int kLastWordsMs = 5'000;
constexpr size_t kStep = 65536;

class PipePort final : public SensorPort {
 public:
  PipePort(UniqueFd pipe, sensor::Counters counters)
      : pipe_(std::move(pipe)), counters_(std::move(counters)) {}

  Status start() override { return Done{}; }
  [[nodiscard]] pid_t thread_id() const override { return 0; }
  [[nodiscard]] int bell_fd() const override { return ended_ ? -1 : pipe_.get(); }

  size_t take(std::string& out, size_t limit) override {
    size_t taken = 0;
    while (!ended_ && taken < limit) {
      const size_t before = out.size();
      const size_t step = std::min(kStep, limit - taken);
      out.resize(before + step);
      const ssize_t got = read(pipe_.get(), out.data() + before, step);
      const int number = errno;
      out.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
      if (got < 0 && number == EINTR) continue;
      if (got < 0 && number == EAGAIN) {
        emptied_at_ = marks_;
        break;
      }
      if (got <= 0) ended_ = true;
      if (got > 0) taken += static_cast<size_t>(got);
    }
    return taken;
  }

  /// A record is in the pipe before its call is made: what was there at a mark has been taken once
  /// the pipe is found empty after it.
  [[nodiscard]] uint64_t mark() override { return ++marks_; }
  [[nodiscard]] bool passed(uint64_t mark) const override { return ended_ || emptied_at_ >= mark; }

  void stop() override { stopped_ = true; }

  /// Nothing is copied here; more than 0 says that take() is worth a call.
  size_t drain() override {
    if (ended_) return 0;
    pollfd wait{pipe_.get(), POLLIN, 0};
    return poll(&wait, 1, kLastWordsMs) > 0 ? 1 : 0;
  }

  [[nodiscard]] sensor::Counts produced() const override { return counters_.produced(); }
  [[nodiscard]] sensor::Counts lost() const override { return counters_.lost(); }
  [[nodiscard]] bool broken() const override { return ended_ ? !counters_.over() : stopped_; }

 private:
  UniqueFd pipe_;
  sensor::Counters counters_;
  uint64_t marks_ = 0, emptied_at_ = 0;
  bool ended_ = false;
  bool stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<SensorPort>> open_pipe(UniqueFd pipe, int counters_fd) {
  if (fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return errno_error("fcntl the sensor's pipe");
  ASSIGN_OR_RETURN(auto counters, sensor::Counters::map(counters_fd));
  return std::unique_ptr<SensorPort>(
      std::make_unique<PipePort>(std::move(pipe), std::move(counters)));
}

}  // namespace carrel::session
