#pragma once
// What a fuzzer runs. Each target is one file: FUZZ_TARGET(name) { … input … }. The same function
// is driven by libFuzzer (entry.cc, scripts/fuzz) and over the committed corpus by an ordinary unit
// test (corpus_test.cc).

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace carrel::fuzz {

using Run = void (*)(std::string_view input);

/// The targets that are linked into this program, by name.
inline std::map<std::string, Run>& targets() {
  static std::map<std::string, Run> all;
  return all;
}

struct Registration {
  Registration(const char* name, Run run) { targets().emplace(name, run); }
};

/// Takes single bytes from the front, for what is not the parsed input itself; 0 once it is empty.
inline uint8_t take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  return byte;
}

/// Pieces whose sizes follow from `seed`, so that a run is repeatable.
class Pieces {
 public:
  Pieces(std::string_view rest, uint8_t seed) : rest_(rest), state_(seed) {}
  [[nodiscard]] bool is_empty() const { return rest_.empty(); }
  std::string_view next() {
    state_ = state_ * 1103515245U + 12345U;
    const size_t size = 1 + (state_ >> 16) % 7;
    const std::string_view piece = rest_.substr(0, size);
    rest_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view rest_;
  uint32_t state_;
};

}  // namespace carrel::fuzz

#define FUZZ_TARGET(name)                                                       \
  static void run_##name(std::string_view input);                               \
  static const carrel::fuzz::Registration registered_##name(#name, run_##name); \
  static void run_##name([[maybe_unused]] std::string_view input)

/// A property that does not hold ends the program: a crash to libFuzzer and to the unit test.
#define MUST(condition)                                                                   \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
