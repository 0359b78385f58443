#include "launcher/watch/sensor/ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace carrel::sensor {
namespace {

size_t page_size() {
  return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

uint64_t load_acquire(const char* at) {
  uint64_t value = 0;
  __atomic_load(reinterpret_cast<const uint64_t*>(at), &value, __ATOMIC_ACQUIRE);
  return value;
}

}  // namespace

Result<Ring> Ring::map(int ring_fd, size_t size) {
  const size_t page = page_size();
  if (size < page || (size & (size - 1)) != 0 || size > (size_t{1} << 30)) {
    return Error{"sensor ring: its size is no power of two of whole pages"};
  }
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
  if (consumer == MAP_FAILED) return errno_error("mmap sensor ring's reading position");
  // The kernel maps the data twice in a row, so that no record is ever split.
  void* producer =
      mmap(nullptr, page + 2 * size, PROT_READ, MAP_SHARED, ring_fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) {
    Error error = errno_error("mmap sensor ring's data");
    munmap(consumer, page);
    return error;
  }
  return Ring(static_cast<char*>(consumer), static_cast<char*>(producer), size);
}

Ring::Ring(Ring&& other) noexcept
    : consumer_(std::exchange(other.consumer_, nullptr)),
      producer_(std::exchange(other.producer_, nullptr)),
      size_(other.size_) {}

Ring::~Ring() {
  if (consumer_ == nullptr) return;
  munmap(consumer_, page_size());
  munmap(producer_, page_size() + 2 * size_);
}

std::string_view Ring::peek(size_t limit) const {
  const uint64_t consumed = load_acquire(consumer_);
  const uint64_t produced = load_acquire(producer_);
  if (produced - consumed > size_) return {};
  const size_t there = std::min<size_t>(produced - consumed, limit);
  const char* data = producer_ + page_size() + (consumed & (size_ - 1));
  size_t at = 0;
  while (there - at >= Frame::kHeader) {
    uint32_t word = 0;
    __atomic_load(reinterpret_cast<const uint32_t*>(data + at), &word, __ATOMIC_ACQUIRE);
    if ((word & Frame::kBusy) != 0) break;
    const size_t total = Frame::of(word).total;
    if (total > there - at) break;
    at += total;
  }
  return {data, at};
}

uint64_t Ring::produced() const {
  return load_acquire(producer_);
}
uint64_t Ring::consumed() const {
  return load_acquire(consumer_);
}

void Ring::release(size_t bytes) {
  uint64_t position = load_acquire(consumer_) + bytes;
  __atomic_store(reinterpret_cast<uint64_t*>(consumer_), &position, __ATOMIC_RELEASE);
}

}  // namespace carrel::sensor
