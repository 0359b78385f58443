#include "broker/service/credentials/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include <memory>

namespace carrel::credentials {
namespace {

constexpr size_t kNumber = 32;

struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
using Signature = std::unique_ptr<ECDSA_SIG, FreeSignature>;

uint8_t* bytes_of(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}
const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

Error no_signature() {
  ERR_clear_error();
  return Error{"not a signature of P-256"};
}

}  // namespace

Result<std::string> raw_signature_of(std::string_view der) {
  const uint8_t* at = bytes_of(der);
  const Signature parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (parsed == nullptr || at != bytes_of(der) + der.size()) return no_signature();
  std::string r(kNumber, '\0');
  std::string s(kNumber, '\0');
  // BN_bn2binpad(3) refuses a number that is too long.
  if (BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), bytes_of(r), kNumber) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), bytes_of(s), kNumber) < 0) {
    return no_signature();
  }
  return r + s;
}

Result<std::string> der_signature_of(std::string_view raw) {
  if (raw.size() != 2 * kNumber) return no_signature();
  const Signature made(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(raw), kNumber, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(raw.substr(kNumber)), kNumber, nullptr);
  if (made == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(made.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return no_signature();
  }
  const int size = i2d_ECDSA_SIG(made.get(), nullptr);
  if (size <= 0) return no_signature();
  std::string der(static_cast<size_t>(size), '\0');
  uint8_t* at = bytes_of(der);
  if (i2d_ECDSA_SIG(made.get(), &at) != size) return no_signature();
  return der;
}

}  // namespace carrel::credentials
