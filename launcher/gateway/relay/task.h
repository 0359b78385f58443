#pragma once
// The one place where the gateway meets its event loop (Boost.Asio): coroutines that wait for
// descriptors and for time. One thread.
//
// **No co_await in a condition**, nor as the only statement of an `if`: Debian 12's g++ 12.2 then
// lays a coroutine's frame out in two ways (GCC bugs 106188 and 106713). What was awaited gets a
// name first, within braces. **No temporary that owns anything in what is awaited**: it is
// destroyed twice (GCC bug 99576 and its kin). tests/golden/coroutines checks the sources for both.

#include <cstdint>
#include <memory>

#include "profiles/base/unique_fd.h"
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace carrel::gateway {

namespace asio = boost::asio;

template <typename T = void>
using Task = asio::awaitable<T>;

using Loop = asio::io_context;

/// A non-blocking descriptor that coroutines wait for. close() ends every wait for it.
class Wait {
 public:
  Wait(Loop& loop, UniqueFd fd);
  /// -1 once it is closed.
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  /// False: it was closed.
  Task<bool> readable();
  Task<bool> writable();
  /// Nobody waits to read any more; it stays open.
  void stop_reading();
  void close();

 private:
  Task<bool> ready(asio::posix::stream_descriptor::wait_type what);
  asio::posix::stream_descriptor descriptor_;
  int fd_;
  bool reads_ = true;
};

/// Closes a descriptor when the time is over, unless this has ended by then; the descriptor
/// outlives it.
class Deadline {
 public:
  Deadline(Loop& loop, Wait& wait, uint64_t ms);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  [[nodiscard]] bool passed() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// One coroutine's part in fairness: whoever finds work at every step (bytes and room for them, a
/// question, a connection) never waits, and nobody else would come to anything meanwhile. A turn is
/// so many bytes, or so many steps.
class Turn {
 public:
  /// Of system calls and small messages: about as long as 256 KiB of TLS.
  static constexpr uint64_t kSteps = 64;

  static constexpr uint64_t kAnyBytes = UINT64_MAX;

  /// A turn ends with so many bytes or so many steps, whichever come first.
  explicit Turn(uint64_t bytes, uint64_t steps = kSteps) : most_bytes_(bytes), most_steps_(steps) {}
  /// A step that moved so many bytes: at a turn's end everything else that is ready comes first.
  Task<> moved(uint64_t bytes);
  /// One that moved none.
  Task<> step() { return moved(0); }

 private:
  uint64_t most_bytes_, most_steps_;
  uint64_t bytes_ = 0, steps_ = 0;
};

/// Lets one coroutine wait for another. One waits at a time; what was told before is not lost.
class Signal {
 public:
  explicit Signal(Loop& loop);
  void tell();
  /// Until tell() was called; at once where it was.
  Task<> told();

 private:
  asio::steady_timer timer_;
  bool told_ = false;
};

/// Runs a task by itself; its exceptions are the program's end.
void start(Loop& loop, Task<> task);
/// True.
Task<bool> sleep_ms(uint64_t ms);

}  // namespace carrel::gateway
