#pragma once
// The one thread that must run in time: it only copies the ring into private memory and rings a
// bell. It takes no lock that an ordinary thread holds, so it can be SCHED_FIFO (set from outside
// by who may: sched_setscheduler(2) on thread_id()). Its queue is bounded: when it is full the ring
// fills up and the kernel counts what is lost.

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "launcher/watch/sensor/ring.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::sensor {

class RingCopier {
 public:
  /// Maps ring and queue and makes the descriptors, but no thread: call it before confining the
  /// process. `queue_bytes` is a power of two, reserved but touched only as it fills.
  static Result<std::unique_ptr<RingCopier>> create(int ring_fd, size_t ring_bytes,
                                                    size_t queue_bytes = size_t{64} << 20);
  RingCopier(const RingCopier&) = delete;
  RingCopier& operator=(const RingCopier&) = delete;
  ~RingCopier();

  /// Starts the thread. Needs clone, epoll_wait, read, write, gettid.
  Status start();
  /// The thread's id on the host; 0 before start() or within a pid namespace of its own.
  [[nodiscard]] pid_t thread_id() const { return tid_.load(); }
  /// Becomes readable when take() has something. Non-blocking eventfd; take() clears it.
  [[nodiscard]] int bell_fd() const { return bell_.get(); }
  /// Moves what has been copied so far (at most `limit` bytes) to the end of `out`, framed for
  /// Reader::feed, which keeps a record that the limit has cut. Any one thread. Returns the bytes
  /// moved.
  size_t take(std::string& out, size_t limit = size_t{1} << 20);
  /// A mark behind everything that is on the ring now, and whether take() has given all of that.
  /// On the thread that calls take().
  [[nodiscard]] uint64_t mark() const { return ring_.produced() - before_; }
  [[nodiscard]] bool passed(uint64_t mark) const { return tail_.load() >= mark; }
  /// Ends the thread after a last drain of the ring; take() then still gives the rest. When the
  /// queue is full the ring keeps what did not fit: take(), then drain(), until both give nothing.
  void stop();
  /// After stop() (or instead of start()): copies what the ring holds, on the caller's thread.
  size_t drain();

 private:
  RingCopier(Ring ring, UniqueFd ring_fd, UniqueFd epoll, UniqueFd bell, UniqueFd quit, char* queue,
             size_t queue_bytes);
  void run();

  Ring ring_;
  UniqueFd ring_fd_, epoll_, bell_, quit_;
  char* queue_;
  size_t queue_bytes_;
  uint64_t before_;                            // what others had read of the ring
  alignas(64) std::atomic<uint64_t> head_{0};  // written by the copier
  alignas(64) std::atomic<uint64_t> tail_{0};  // written by take()
  std::atomic<pid_t> tid_{0};
  std::thread thread_;
};

}  // namespace carrel::sensor
