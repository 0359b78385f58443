#include "launcher/gateway/relay/task.h"

#include <chrono>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace carrel::gateway {
namespace {

constexpr auto kQuiet = asio::as_tuple(asio::use_awaitable);

}  // namespace

Wait::Wait(Loop& loop, UniqueFd fd) : descriptor_(loop), fd_(fd.get()) {
  descriptor_.assign(fd.release());
}

Task<bool> Wait::ready(asio::posix::stream_descriptor::wait_type what) {
  if (!open()) co_return false;
  const auto [failed] = co_await descriptor_.async_wait(what, kQuiet);
  co_return !failed && open();
}

Task<bool> Wait::readable() {
  if (!reads_) co_return false;
  const bool more = co_await ready(asio::posix::stream_descriptor::wait_read);
  co_return more&& reads_;
}

Task<bool> Wait::writable() {
  return ready(asio::posix::stream_descriptor::wait_write);
}

void Wait::stop_reading() {
  reads_ = false;
  boost::system::error_code ignored;
  descriptor_.cancel(ignored);
}

void Wait::close() {
  if (!open()) return;
  fd_ = -1;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

struct Deadline::State {
  State(Loop& loop, Wait& which, uint64_t ms)
      : wait(&which), timer(loop, std::chrono::milliseconds(ms)) {}
  Wait* wait;  // null once nobody minds any more
  asio::steady_timer timer;
  bool passed = false;
};

Deadline::Deadline(Loop& loop, Wait& wait, uint64_t ms)
    : state_(std::make_shared<State>(loop, wait, ms)) {
  state_->timer.async_wait([state = state_](const boost::system::error_code& failed) {
    if (failed || state->wait == nullptr) return;
    state->passed = true;
    state->wait->close();
  });
}

Deadline::~Deadline() {
  state_->wait = nullptr;
  state_->timer.cancel();
}

bool Deadline::passed() const {
  return state_->passed;
}

Task<> Turn::moved(uint64_t bytes) {
  bytes_ += bytes;
  ++steps_;
  if (bytes_ < most_bytes_ && steps_ < most_steps_) co_return;
  bytes_ = steps_ = 0;
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

Signal::Signal(Loop& loop) : timer_(loop, asio::steady_timer::time_point::max()) {}

void Signal::tell() {
  told_ = true;
  timer_.cancel();
}

Task<> Signal::told() {
  while (!told_) {
    const auto [ended] = co_await timer_.async_wait(kQuiet);
    (void)ended;
  }
}

void start(Loop& loop, Task<> task) {
  asio::co_spawn(loop, std::move(task), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
}

Task<bool> sleep_ms(uint64_t ms) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(ms));
  const auto [failed] = co_await timer.async_wait(kQuiet);
  (void)failed;
  co_return true;
}

}  // namespace carrel::gateway
