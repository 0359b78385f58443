#pragma once
// When a key of tokens begins to sign, when it stops and how long it is published: so that a
// relying party which looks at the published keys every kCachePeriodS never sees a token of a key
// that it cannot know. Pure.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace carrel::credentials {

/// How long a relying party may keep the published keys before it asks for them again.
inline constexpr uint64_t kCachePeriodS = 300;
/// A key of this age gets its successor.
inline constexpr uint64_t kKeyLifeS = uint64_t{30} * 86400;

/// What is to be done with the keys of one algorithm.
struct KeyPlan {
  bool make_new = false;     // there is none, or the newest is older than kKeyLifeS
  std::vector<size_t> gone;  // no token of theirs can be valid: neither published nor kept
  bool operator==(const KeyPlan&) const = default;
};

/// `made`: when each key was made, in seconds since 1970, ascending. A key signs from one
/// kCachePeriodS after it was made (the first from the beginning) until the next one signs; it is
/// gone when the longest-lived token that it can have signed has ended, and one period more.
KeyPlan plan_keys(std::span<const uint64_t> made, uint64_t now_s);

/// Which of the keys signs at that time: the last that may. At least one key is needed.
size_t signing_key(std::span<const uint64_t> made, uint64_t now_s);

}  // namespace carrel::credentials
