#pragma once
// Secret holds bytes that must never be printed, compared with == or copied; it wipes itself.

#include <string>
#include <string_view>
#include <utility>

namespace carrel {

/// Owns secret bytes. There is no formatter, no operator== and no copy; expose() is greppable.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      other.wipe();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  bool operator==(const Secret&) const = delete;
  ~Secret() { wipe(); }

  /// The bytes, for handing to the one function that needs them.
  [[nodiscard]] std::string_view expose() const { return bytes_; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// Overwrites the bytes (explicit_bzero, whole capacity) and empties.
  void wipe();

 private:
  std::string bytes_;
};

}  // namespace carrel
