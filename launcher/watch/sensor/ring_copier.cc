#include "launcher/watch/sensor/ring_copier.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace carrel::sensor {
namespace {

constexpr int kPollMilliseconds = 10;
constexpr size_t kReturnUnit = size_t{1} << 20;  // queue memory goes back in these

Status watch(int epoll_fd, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
    return errno_error("watch the sensor's ring");
  }
  return Done{};
}

void ring_bell(int fd) {
  const uint64_t one = 1;
  // EAGAIN means that it is ringing already.
  [[maybe_unused]] const ssize_t ignored = write(fd, &one, sizeof one);
}

}  // namespace

Result<std::unique_ptr<RingCopier>> RingCopier::create(int ring_fd, size_t ring_bytes,
                                                       size_t queue_bytes) {
  if (queue_bytes < ring_bytes || (queue_bytes & (queue_bytes - 1)) != 0) {
    return Error{"sensor queue: its size is no power of two, or below the ring's"};
  }
  ASSIGN_OR_RETURN(Ring ring, Ring::map(ring_fd, ring_bytes));
  UniqueFd own(fcntl(ring_fd, F_DUPFD_CLOEXEC, 0));
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd quit(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!own.valid() || !epoll.valid() || !bell.valid() || !quit.valid()) {
    return errno_error("make the sensor reader's descriptors");
  }
  // Edge-triggered: a ring that holds data is always readable, but only the kernel's forced wake-up
  // past the mark is news. Everything else is fetched at the poll interval.
  RETURN_IF_ERROR(watch(epoll.get(), own.get(), EPOLLIN | EPOLLET));
  RETURN_IF_ERROR(watch(epoll.get(), quit.get(), EPOLLIN));
  void* queue = mmap(nullptr, queue_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (queue == MAP_FAILED) return errno_error("mmap the sensor reader's queue");
  return std::unique_ptr<RingCopier>(
      new RingCopier(std::move(ring), std::move(own), std::move(epoll), std::move(bell),
                     std::move(quit), static_cast<char*>(queue), queue_bytes));
}

RingCopier::RingCopier(Ring ring, UniqueFd ring_fd, UniqueFd epoll, UniqueFd bell, UniqueFd quit,
                       char* queue, size_t queue_bytes)
    : ring_(std::move(ring)),
      ring_fd_(std::move(ring_fd)),
      epoll_(std::move(epoll)),
      bell_(std::move(bell)),
      quit_(std::move(quit)),
      queue_(queue),
      queue_bytes_(queue_bytes),
      before_(ring_.consumed()) {}

RingCopier::~RingCopier() {
  stop();
  munmap(queue_, queue_bytes_);
}

Status RingCopier::start() {
  if (thread_.joinable()) return Done{};
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return Error{"start the sensor's reader thread", error.code().value()};
  }
  tid_.wait(0);
  return Done{};
}

void RingCopier::run() {
  tid_.store(gettid());
  tid_.notify_all();
  while (true) {
    epoll_event events[2];
    const int count = epoll_wait(epoll_.get(), events, 2, kPollMilliseconds);
    drain();
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == quit_.get()) return;
    }
  }
}

size_t RingCopier::drain() {
  size_t copied = 0;
  while (copied < 4 * ring_.size()) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t room = queue_bytes_ - (head - tail_.load(std::memory_order_acquire));
    const std::string_view records = ring_.peek(room);
    if (records.empty()) break;
    const size_t at = head & (queue_bytes_ - 1);
    const size_t first = std::min(records.size(), queue_bytes_ - at);
    memcpy(queue_ + at, records.data(), first);
    memcpy(queue_, records.data() + first, records.size() - first);
    head_.store(head + records.size(), std::memory_order_release);
    ring_.release(records.size());
    copied += records.size();
  }
  if (copied > 0) ring_bell(bell_.get());
  return copied;
}

size_t RingCopier::take(std::string& out, size_t limit) {
  uint64_t ignored = 0;
  // Cleared before looking: what comes after this rings again.
  [[maybe_unused]] const ssize_t got = read(bell_.get(), &ignored, sizeof ignored);
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const size_t there = head_.load(std::memory_order_acquire) - tail;
  const size_t size = std::min(there, limit);
  const size_t at = tail & (queue_bytes_ - 1);
  const size_t first = std::min(size, queue_bytes_ - at);
  out.append(queue_ + at, first);
  out.append(queue_, size - first);
  for (uint64_t unit = tail / kReturnUnit; unit < (tail + size) / kReturnUnit; ++unit) {
    if (queue_bytes_ < kReturnUnit) break;
    madvise(queue_ + (unit * kReturnUnit & (queue_bytes_ - 1)), kReturnUnit, MADV_DONTNEED);
  }
  tail_.store(tail + size, std::memory_order_release);
  if (size < there) ring_bell(bell_.get());
  return size;
}

void RingCopier::stop() {
  if (!thread_.joinable()) return;
  ring_bell(quit_.get());
  thread_.join();
}

}  // namespace carrel::sensor
