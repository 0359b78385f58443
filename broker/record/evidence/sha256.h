#pragma once
// SHA-256 by OpenSSL 3 with a digest fetched once: the only hash function of the record.

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace carrel::evidence {

using Digest = std::array<uint8_t, 32>;

/// The bytes of a digest, key or salt as a view; valid as long as the array.
template <size_t N>
std::string_view as_view(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

/// An array of N bytes from a view of exactly that size; anything else is our own mistake (aborts).
template <size_t N>
std::array<uint8_t, N> to_array(std::string_view bytes);

/// An incremental hash. Making one costs a microsecond (the digest is fetched), a hash of a short
/// message 0.2 us: keep one per thread and reuse it. Not thread-safe. Aborts where OpenSSL has no
/// SHA-256 or no memory.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  /// The hash of all bytes since construction or the last finish(); begins anew.
  Digest finish();
  /// The hash of `bytes` alone. Must not be called between update() and finish().
  Digest of(std::string_view bytes);
  /// The hash of the bytes so far without ending the message.
  [[nodiscard]] Digest so_far() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One hash where speed does not matter.
Digest sha256(std::string_view bytes);

extern template std::array<uint8_t, 16> to_array<16>(std::string_view);
extern template std::array<uint8_t, 32> to_array<32>(std::string_view);
extern template std::array<uint8_t, 64> to_array<64>(std::string_view);

}  // namespace carrel::evidence
