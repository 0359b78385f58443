#pragma once
// Where the session's raw sensor records come from: the kernel's ring in the program, bytes of
// their own in tests.

#include <sys/types.h>

#include <memory>
#include <string>

#include "launcher/watch/sensor/counters.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class SensorPort {
 public:
  SensorPort() = default;
  SensorPort(const SensorPort&) = delete;
  SensorPort& operator=(const SensorPort&) = delete;
  virtual ~SensorPort() = default;

  /// Starts the thread that copies. After the process has confined itself.
  virtual Status start() = 0;
  /// That thread's id on the host; 0: there is none.
  [[nodiscard]] virtual pid_t thread_id() const = 0;
  /// Readable when take() has something.
  [[nodiscard]] virtual int bell_fd() const = 0;
  /// Appends framed records, at most `limit` bytes; how many.
  virtual size_t take(std::string& out, size_t limit) = 0;
  /// A mark behind every record that is there now, and whether take() has given all of those. What
  /// a gateway tells of has its records before any mark that is made when it is heard.
  [[nodiscard]] virtual uint64_t mark() = 0;
  [[nodiscard]] virtual bool passed(uint64_t mark) const = 0;
  /// Ends the thread; from then on drain() copies what the ring still holds. How many bytes.
  virtual void stop() = 0;
  virtual size_t drain() = 0;
  [[nodiscard]] virtual sensor::Counts produced() const = 0;
  [[nodiscard]] virtual sensor::Counts lost() const = 0;
  /// The sensor has gone, or is silent, though its workspace had not ended.
  [[nodiscard]] virtual bool broken() const { return false; }
};

/// The kernel's ring and counters. Maps both; descriptors are borrowed.
Result<std::unique_ptr<SensorPort>> open_ring(int ring_fd, size_t ring_bytes, int counters_fd);

/// A sensor outside the kernel (carrel-notify) at the other end of a pipe, with its counters. No
/// thread: the pipe holds what is not taken, and the workspace's calls wait when it is full.
Result<std::unique_ptr<SensorPort>> open_pipe(UniqueFd pipe, int counters_fd);

}  // namespace carrel::session
