#pragma once
// Bytes that have come and are read from the front. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace carrel::gateway {

/// Taking a few bytes does not move the others: a peer that sends its message in many small pieces
/// would be paid for by the square of them.
class Buffer {
 public:
  Buffer& operator=(std::string bytes) {
    bytes_ = std::move(bytes);
    taken_ = 0;
    return *this;
  }
  /// What has not been taken; good until room().
  [[nodiscard]] std::string_view view() const { return std::string_view(bytes_).substr(taken_); }
  [[nodiscard]] bool empty() const { return taken_ == bytes_.size(); }
  /// At most as many as there are.
  void take(size_t bytes) { taken_ += bytes; }
  /// Where more is appended. What is left is moved to the front: ask when more is needed.
  std::string& room() {
    bytes_.erase(0, std::exchange(taken_, 0));
    return bytes_;
  }

 private:
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace carrel::gateway
