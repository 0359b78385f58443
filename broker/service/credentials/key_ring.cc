#include "broker/service/credentials/key_ring.h"

#include <algorithm>

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

const TokenKey* KeyRing::of_header(std::string_view header) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [header](const Held& held) {
    return held.key.header() == header;
  });
  return found == keys_.end() ? nullptr : &found->key;
}

std::string KeyRing::jwks() const {
  std::vector<PublicJwk> keys;
  for (const Held& held : keys_)
    keys.push_back(held.key.jwk());
  return jwks_text(keys);
}

}  // namespace carrel::credentials
