#pragma once
// A BPF ring buffer read without libbpf: two mappings and the layout that the kernel documents
// (Documentation/bpf/ringbuf.rst). Needs no privilege but the map's descriptor, and of system calls
// only mmap, so it works after a program has confined itself.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::sensor {

/// The reading end of one session's ring. One reader at a time.
class Ring {
 public:
  /// Maps the ring of `size` data bytes (a power of two, whole pages). Borrows the descriptor only
  /// for the call.
  static Result<Ring> map(int ring_fd, size_t size);
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&&) = delete;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// Whole committed records from the reader's place on, at most `limit` bytes of them, framed as
  /// in the ring: {u32 length and flags, u32 unused}, data, padding to 8. Empty: nothing there, or
  /// the next record is still being written. The bytes stay valid until release().
  [[nodiscard]] std::string_view peek(size_t limit) const;
  /// Gives the first `bytes` of what peek() showed back to the kernel.
  void release(size_t bytes);
  [[nodiscard]] size_t size() const { return size_; }
  /// Bytes that were ever put into it, records that are still being written too, and those that
  /// were given back. Both only grow.
  [[nodiscard]] uint64_t produced() const;
  [[nodiscard]] uint64_t consumed() const;

 private:
  Ring(char* consumer, char* producer, size_t size)
      : consumer_(consumer), producer_(producer), size_(size) {}
  char* consumer_;
  char* producer_;
  size_t size_;
};

/// The part of `stream` that a walk over framed records covers: calls `each(record)` with the data
/// of every whole record that was not discarded. Returns the bytes walked; a length that leads
/// beyond the end stops the walk.
template <typename Each>
size_t for_each_record(std::string_view stream, Each each);

/// A record's frame: data length, whether it is busy or discarded, and the bytes it takes in all.
struct Frame {
  static constexpr size_t kHeader = 8;
  static constexpr uint32_t kBusy = 1U << 31;
  static constexpr uint32_t kDiscarded = 1U << 30;
  uint32_t length = 0;
  bool discarded = false;
  size_t total = 0;
  static Frame of(uint32_t word) {
    const uint32_t length = word & ~(kBusy | kDiscarded);
    return {length, (word & kDiscarded) != 0, (size_t{length} + kHeader + 7) & ~size_t{7}};
  }
};

template <typename Each>
size_t for_each_record(std::string_view stream, Each each) {
  size_t at = 0;
  while (stream.size() - at >= Frame::kHeader) {
    uint32_t word = 0;
    __builtin_memcpy(&word, stream.data() + at, sizeof word);
    const Frame frame = Frame::of(word);
    if ((word & Frame::kBusy) != 0 || frame.total > stream.size() - at) break;
    if (!frame.discarded) each(stream.substr(at + Frame::kHeader, frame.length));
    at += frame.total;
  }
  return at;
}

}  // namespace carrel::sensor
