#include "broker/service/credentials/key_ring.h"

#include "broker/service/credentials/key_schedule.h"

namespace carrel::credentials {

const TokenKey* KeyRing::signer(Alg alg, uint64_t now_s) const {
  std::vector<const TokenKey*> keys;
  std::vector<uint64_t> made;
  for (const Held& held : keys_) {
    if (held.key.jwk().alg != alg) continue;
    keys.push_back(&held.key);
    made.push_back(held.made);
  }
  return keys.empty() ? nullptr : keys[signing_key(made, now_s)];
}

std::string KeyRing::jwks() const {
  std::vector<PublicJwk> keys;
  for (const Held& held : keys_)
    keys.push_back(held.key.jwk());
  return jwks_text(keys);
}

}  // namespace carrel::credentials
