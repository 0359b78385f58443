#include "profiles/base/ulid.h"

#include "profiles/base/check.h"

namespace carrel {
namespace {
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
}

std::string make_ulid(uint64_t unix_ms, std::string_view random10) {
  CHECK(random10.size() == 10);
  std::string out(26, '0');
  for (size_t i = 0; i < 10; ++i)
    out[9 - i] = kAlphabet[unix_ms >> (5 * i) & 31];
  size_t bit = 0;
  for (size_t i = 10; i < 26; ++i) {
    unsigned value = 0;
    for (int k = 0; k < 5; ++k, ++bit) {
      const auto byte = static_cast<unsigned char>(random10[bit / 8]);
      value = value << 1 | (byte >> (7 - bit % 8) & 1U);
    }
    out[i] = kAlphabet[value];
  }
  return out;
}

bool is_ulid(std::string_view text) {
  return text.size() == 26 && text[0] <= '7' &&
         text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace carrel
