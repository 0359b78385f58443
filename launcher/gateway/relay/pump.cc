#include "launcher/gateway/relay/pump.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace carrel::gateway {
namespace {

constexpr uint64_t kQuantum = uint64_t{1} << 20;
constexpr uint64_t kPatienceMs = 20;

/// What lies in the source without being taken: 1 more bytes, 0 the end, -1 neither or an error
/// (errno).
int look(int fd) {
  char byte = 0;
  const ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 ? 1 : got == 0 ? 0 : -1;
}

/// Empties the pipe into the socket. False: the socket broke.
Task<bool> deliver(const Pipe& pipe, Wait& to, uint64_t bytes, const PumpTools& tools) {
  while (bytes > 0) {
    const ssize_t put = splice(pipe.read_end.get(), nullptr, to.fd(), nullptr, bytes,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (put > 0) {
      bytes -= static_cast<uint64_t>(put);
      tools.moved(static_cast<uint64_t>(put));
      continue;
    }
    if (put < 0 && errno == EINTR) continue;
    if (put == 0 || errno != EAGAIN) co_return false;
    const bool more = co_await to.writable();
    if (!more) co_return false;
  }
  co_return true;
}

/// With nothing left of the budget: an end may still come in order.
Task<PumpEnd> wait_for_end(Wait& from, Wait& to) {
  while (true) {
    const int there = look(from.fd());
    if (there > 0) co_return PumpEnd::kBudget;
    if (there == 0) {
      (void)shutdown(to.fd(), SHUT_WR);
      co_return PumpEnd::kEof;
    }
    if (errno != EAGAIN) co_return PumpEnd::kReset;
    const bool more = co_await from.readable();
    if (!more) co_return PumpEnd::kReset;
  }
}

}  // namespace

Result<Pipe> Pipes::lend() {
  if (!free_.empty()) {
    Pipe pipe = std::move(free_.back());
    free_.pop_back();
    return pipe;
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return errno_error("pipe for a connection");
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // A smaller one is slower, and as good.
  (void)fcntl(pipe.write_end.get(), F_SETPIPE_SZ, kBytes);
  return pipe;
}

void Pipes::take_back(Pipe pipe) {
  if (free_.size() < kKept) free_.push_back(std::move(pipe));
}

Task<PumpEnd> pump(Wait& from, Wait& to, Allowance& allowance, const PumpTools& tools) {
  Turn turn(kQuantum);
  while (from.open() && to.open()) {
    co_await tools.report.room();
    const uint64_t granted = allowance.take(kQuantum);
    if (granted == 0) {
      const PumpEnd end = co_await wait_for_end(from, to);
      co_return end;
    }
    Result<Pipe> lent = tools.pipes.lend();
    if (!lent.ok()) {
      // Others give theirs back: what has been taken so far is no reason to end.
      allowance.give_back(granted);
      co_await sleep_ms(kPatienceMs);
      continue;
    }
    Pipe pipe = lent.take();
    const ssize_t got = splice(from.fd(), nullptr, pipe.write_end.get(), nullptr, granted,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    const int number = errno;
    const uint64_t bytes = got > 0 ? static_cast<uint64_t>(got) : 0;
    allowance.give_back(granted - bytes);
    const bool delivered = co_await deliver(pipe, to, bytes, tools);
    if (!delivered) co_return PumpEnd::kReset;
    tools.pipes.take_back(std::move(pipe));
    if (bytes > 0) {
      co_await turn.moved(bytes);
      continue;
    }
    if (got == 0) {
      // Whoever was killed with its session has not said that this is all.
      if (tools.report.hung_up()) co_return PumpEnd::kReset;
      (void)shutdown(to.fd(), SHUT_WR);
      co_return PumpEnd::kEof;
    }
    if (number == EINTR) continue;
    if (number != EAGAIN) co_return PumpEnd::kReset;
    const bool more = co_await from.readable();
    if (!more) co_return PumpEnd::kReset;
  }
  co_return PumpEnd::kReset;
}

Task<> drain(Wait& socket, uint64_t ms) {
  constexpr uint64_t kStepMs = 2;
  for (uint64_t waited = 0; waited < ms && socket.open(); waited += kStepMs) {
    int unsent = 0;
    if (ioctl(socket.fd(), SIOCOUTQ, &unsent) != 0 || unsent == 0) co_return;
    co_await sleep_ms(kStepMs);
  }
}

}  // namespace carrel::gateway
