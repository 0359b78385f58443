#pragma once
// Bytes that may still pass to and from each name in this session. Pure: exact, because every byte
// is taken from the budget before it moves.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "profiles/model/profile.h"

namespace carrel::gateway {

enum class Way : uint8_t { kUp, kDown };
/// "up", "down": the words of the record.
const char* to_word(Way way);

/// A budget of one name in one direction.
class Allowance {
 public:
  explicit Allowance(std::optional<uint64_t> limit = std::nullopt) : limit_(limit), used_(own_) {}
  /// What was used before stands in `used`, and what will be; it outlives this.
  Allowance(std::optional<uint64_t> limit, uint64_t& used)
      : limit_(limit), used_(used), said_near_(is_near()) {}
  Allowance(const Allowance&) = delete;
  Allowance& operator=(const Allowance&) = delete;

  /// Takes at most `wanted` bytes; 0: nothing is left. What does not move is given back.
  uint64_t take(uint64_t wanted);
  void give_back(uint64_t bytes) { used_ -= bytes; }
  [[nodiscard]] uint64_t used() const { return used_; }
  [[nodiscard]] std::optional<uint64_t> limit() const { return limit_; }
  /// Once: four fifths are used.
  bool near();
  /// Once: something came beyond it.
  bool spent();

 private:
  [[nodiscard]] bool is_near() const;
  std::optional<uint64_t> limit_;
  uint64_t own_ = 0;
  uint64_t& used_;
  bool said_near_ = false, said_spent_ = false;
};

class Budgets {
 public:
  /// Where the bytes of a name are counted; null where there is no room: nothing passes then.
  using Counter = std::function<uint64_t*(std::string_view host, Way way)>;
  /// Without one they are counted here.
  explicit Budgets(Counter counter = {}) : counter_(std::move(counter)) {}
  /// The same counter for the same name for the whole session.
  Allowance& of(const model::Network& network, Way way);

 private:
  Counter counter_;
  std::map<std::string, Allowance> up_, down_;
};

}  // namespace carrel::gateway
