#pragma once
// All keys that tokens are signed with, and which of them signs now.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/service/credentials/token_key.h"

namespace carrel::credentials {

class KeyRing {
 public:
  /// `made`: in seconds since 1970. Keys of one algorithm are added in the order of their making.
  void add(TokenKey key, uint64_t made) { keys_.push_back({std::move(key), made}); }
  /// The key that signs tokens of that algorithm at that time, or null where there is none.
  [[nodiscard]] const TokenKey* signer(Alg alg, uint64_t now_s) const;
  /// The one key whose tokens have this first part, byte for byte; null where there is none. Which
  /// algorithm a signature is checked by is thereby the key's to say, never the token's.
  [[nodiscard]] const TokenKey* of_header(std::string_view header) const;
  /// The JWK Set of all of them.
  [[nodiscard]] std::string jwks() const;

 private:
  struct Held {
    TokenKey key;
    uint64_t made;
  };
  std::vector<Held> keys_;
};

}  // namespace carrel::credentials
