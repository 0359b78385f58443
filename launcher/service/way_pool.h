#pragma once
// Ways out that were started before anybody asked for one: how many, when one is added, and which
// an opening takes. Each is used once. Pure: what a way is, is the caller's.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carrel::service {

struct WayPoolRules {
  size_t most = 2;
  uint64_t quiet_ms = 50;      // that an opening takes still, once its session is known
  uint64_t again_ms = 60'000;  // after one that could not be made
};

template <typename Way>
class WayPool {
 public:
  explicit WayPool(const WayPoolRules& rules = {}) : rules_(rules) {}

  /// An opening needs a way out. Before the first one none is made: most launchers need none ever.
  void need() { needed_ = true; }
  /// An opening goes on: it began, or what is left of it takes no longer than the quiet time.
  void stir(uint64_t now_ms) { quiet_from_ms_ = now_ms + rules_.quiet_ms; }
  /// A session has ended: who comes next has not come yet.
  void settle(uint64_t now_ms) { quiet_from_ms_ = std::min(quiet_from_ms_, now_ms); }
  /// One could not be made.
  void fail(uint64_t now_ms) { again_from_ms_ = now_ms + rules_.again_ms; }

  /// Whether one is to be made now; never beside an opening.
  [[nodiscard]] bool should_add(bool opening, uint64_t now_ms) const {
    return lacks() && !opening && now_ms >= from_ms();
  }
  /// When should_add() holds if nothing happens until then, from now; `most_ms` at most.
  [[nodiscard]] uint64_t look_again_ms(bool opening, uint64_t now_ms, uint64_t most_ms) const {
    if (!lacks() || opening) return most_ms;
    return now_ms >= from_ms() ? 0 : std::min(most_ms, from_ms() - now_ms);
  }

  /// `made_of`: what it was started from. It is used only while that is what a new one would be
  /// started from.
  void add(Way way, std::string made_of) { ways_.push_back({std::move(way), std::move(made_of)}); }

  /// The oldest that was made of `made_of` and of which `waits(way)` holds. The others before it
  /// go to `dropped`.
  template <typename Waits>
  std::optional<Way> take(const std::string& made_of, Waits waits, std::vector<Way>& dropped) {
    while (!ways_.empty()) {
      One one = std::move(ways_.front());
      ways_.pop_front();
      if (one.made_of == made_of && waits(one.way)) return std::move(one.way);
      dropped.push_back(std::move(one.way));
    }
    return std::nullopt;
  }

  /// All of them; none is made from here on, unless one is needed again.
  std::vector<Way> give_up() {
    std::vector<Way> all;
    for (One& one : ways_)
      all.push_back(std::move(one.way));
    ways_.clear();
    needed_ = false;
    return all;
  }

  [[nodiscard]] size_t size() const { return ways_.size(); }

 private:
  struct One {
    Way way;
    std::string made_of;
  };
  [[nodiscard]] bool lacks() const { return needed_ && ways_.size() < rules_.most; }
  [[nodiscard]] uint64_t from_ms() const { return std::max(quiet_from_ms_, again_from_ms_); }

  WayPoolRules rules_;
  std::deque<One> ways_;  // the oldest first
  bool needed_ = false;
  uint64_t quiet_from_ms_ = 0;
  uint64_t again_from_ms_ = 0;
};

}  // namespace carrel::service
