#include "broker/record/evidence/sha256.h"

#include <openssl/evp.h>

#include <cstring>

#include "profiles/base/check.h"

namespace carrel::evidence {

template <size_t N>
std::array<uint8_t, N> to_array(std::string_view bytes) {
  CHECK(bytes.size() == N);
  std::array<uint8_t, N> out;
  std::memcpy(out.data(), bytes.data(), N);
  return out;
}

template std::array<uint8_t, 16> to_array<16>(std::string_view);
template std::array<uint8_t, 32> to_array<32>(std::string_view);
template std::array<uint8_t, 64> to_array<64>(std::string_view);

// Passing EVP_sha256() would look the digest up again, under a lock, for every message
// (openssl/openssl#19612); a fetched EVP_MD is three times as fast.
struct Sha256::State {
  EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { CHECK(md != nullptr && context != nullptr); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(md);
  }
  void begin() const { CHECK(EVP_DigestInit_ex2(context, md, nullptr) == 1); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  state_->begin();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest out;
  CHECK(EVP_DigestFinal_ex(state_->context, out.data(), nullptr) == 1);
  state_->begin();
  return out;
}

Digest Sha256::of(std::string_view bytes) {
  update(bytes);
  return finish();
}

Digest Sha256::so_far() const {
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  CHECK(copy != nullptr && EVP_MD_CTX_copy_ex(copy, state_->context) == 1);
  Digest out;
  CHECK(EVP_DigestFinal_ex(copy, out.data(), nullptr) == 1);
  EVP_MD_CTX_free(copy);
  return out;
}

Digest sha256(std::string_view bytes) {
  Digest out;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return out;
}

}  // namespace carrel::evidence
