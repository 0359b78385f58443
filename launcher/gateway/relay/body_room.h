#pragma once
// Memory for what is read whole before it is judged, of all connections together. Pure.

#include <cstdint>
#include <utility>

namespace carrel::gateway {

class BodyRoom {
 public:
  /// As much as 32 fetches of the largest size at once.
  static constexpr uint64_t kMost = uint64_t{32} << 20;

  explicit BodyRoom(uint64_t most = kMost) : left_(most) {}
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;

  /// What one request holds; given back at its end. The room outlives it.
  class Share {
   public:
    explicit Share(BodyRoom& room) : room_(room) {}
    ~Share() { give_back(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// False: there is no room for so many bytes more.
    bool grow(uint64_t bytes) {
      if (bytes > room_.left_) return false;
      room_.left_ -= bytes;
      held_ += bytes;
      return true;
    }
    void give_back() { room_.left_ += std::exchange(held_, 0); }

   private:
    BodyRoom& room_;
    uint64_t held_ = 0;
  };

 private:
  uint64_t left_;
};

}  // namespace carrel::gateway
