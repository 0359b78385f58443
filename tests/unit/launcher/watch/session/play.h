#pragma once
// A session on a thread of its own, with everything around it played by the stage.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "launcher/watch/session/session.h"
#include "tests/unit/launcher/watch/session/stage.h"

namespace carrel::session {

using session_test::Stage;

/// A sensor whose records and counters the test sets before the end.
class FakeSensor final : public SensorPort {
 public:
  FakeSensor() : bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Status start() override { return Done{}; }
  [[nodiscard]] pid_t thread_id() const override { return 4711; }
  [[nodiscard]] int bell_fd() const override { return bell_.get(); }
  size_t take(std::string&, size_t) override {
    eventfd_t ignored = 0;
    (void)eventfd_read(bell_.get(), &ignored);
    ++*turns;
    return 0;
  }
  [[nodiscard]] uint64_t mark() override { return ++marks_; }
  [[nodiscard]] bool passed(uint64_t) const override { return true; }
  void stop() override {}
  size_t drain() override { return 0; }
  [[nodiscard]] sensor::Counts produced() const override { return lost(); }
  [[nodiscard]] sensor::Counts lost() const override {
    sensor::Counts counts{};
    counts[CARREL_OPEN] = lost_opens;
    return counts;
  }
  std::atomic<uint64_t> lost_opens = 0;
  /// Of the session's loop, that came to the sensor.
  const std::shared_ptr<std::atomic<uint64_t>> turns = std::make_shared<std::atomic<uint64_t>>(0);

 private:
  UniqueFd bell_;
  uint64_t marks_ = 0;
};

/// A session on a thread of its own; joined, and failing the test, when it does not end.
class Play {
 public:
  explicit Play(const Stage::Options& options = {}) : stage(options) {
    launcher_ = protocol::Connection(std::move(stage.control));
    UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    UniqueFd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
    SessionParts parts;
    auto input = take_config(stage.config(std::move(null), std::move(other)));
    EXPECT_TRUE(input.ok()) << to_string(input.error());
    parts.input = input.take();
    parts.profile = profile_of(parts.input.config).take();
    auto fake = std::make_unique<FakeSensor>();
    sensor = fake.get();
    turns_ = fake->turns;
    bell_.reset(dup(fake->bell_fd()));  // the session's own goes with it
    parts.sensor = std::move(fake);
    parts.difference = tree::difference;
    parts.clock = system_clock();
    parts.clock.mono_ns = [this] { return read_clock(CLOCK_MONOTONIC) + skipped_ns_.load(); };
    parts.entropy = [](std::span<uint8_t> out) { std::fill(out.begin(), out.end(), uint8_t{7}); };
    parts.seeds = evidence::generate_seed;
    if (options.failure_with_config) {  // read in one go with the configuration
      protocol::Failure failure;
      failure.set_code(123);
      failure.set_text("given up");
      EXPECT_TRUE(protocol::send_message(stage.launcher, protocol::Type::kFailure, failure).ok());
      EXPECT_TRUE(launcher_.fill().ok());
    }
    session_ = Session::start(std::move(parts), launcher_).take();
    thread_ = std::thread([this] {
      session_->run();
      session_.reset();
      launcher_.close();
    });
  }
  ~Play() {
    stage.client.close();
    stage.launcher.close();
    stage.until([this] { return !stage.init.valid(); }, 5'000);
    thread_.join();
  }
  /// Wakes the session's loop.
  void ring() const { (void)eventfd_write(bell_.get(), 1); }
  /// Plays to the session's last word.
  protocol::Finished finish() {
    EXPECT_TRUE(stage.until([this] { return stage.finished.has_value(); }, 20'000));
    return stage.finished.value_or(protocol::Finished());
  }
  /// The same, with a clock that runs ahead: nobody waits for seconds to pass.
  protocol::Finished finish_soon() {
    (void)skip_until([this] { return stage.finished.has_value(); });
    return finish();
  }
  /// Lets the clock run ahead until it is so.
  bool skip_until(const std::function<bool()>& done) {
    for (int i = 0; i < 1'000; ++i) {
      if (stage.until(done, 5)) return true;
      skip(1);
    }
    return false;
  }
  /// Lets the clock run ahead, and everybody see it pass: in one leap, what the broker is about to
  /// answer would be an answer that never came.
  void skip(uint64_t seconds) {
    constexpr uint64_t kStepS = 10;
    for (uint64_t left = seconds; left > 0;) {
      const uint64_t step = std::min(left, kStepS);
      left -= step;
      skipped_ns_ += step * kNsPerS;
      const uint64_t before = *turns_;
      ring();
      bool played = false;  // the broker, too, has its turn
      stage.until(
          [&] { return std::exchange(played, true) && (*turns_ > before || stage.finished); }, 50);
    }
  }

  Stage stage;
  FakeSensor* sensor = nullptr;

 private:
  protocol::Connection launcher_;
  std::unique_ptr<Session> session_;
  UniqueFd bell_;
  std::shared_ptr<std::atomic<uint64_t>> turns_;
  std::atomic<uint64_t> skipped_ns_ = 0;
  std::thread thread_;
};

}  // namespace carrel::session
