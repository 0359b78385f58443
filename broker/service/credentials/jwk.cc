#include "broker/service/credentials/jwk.h"

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"

namespace carrel::credentials {
namespace {

std::string x_of(const evidence::PublicKey& key) {
  return to_base64url(evidence::as_view(key));
}

}  // namespace

std::string key_thumbprint(const evidence::PublicKey& key) {
  const std::string required = R"({"crv":"Ed25519","kty":"OKP","x":")" + x_of(key) + "\"}";
  return to_base64url(evidence::as_view(evidence::sha256(required)));
}

std::string jwks_text(const evidence::PublicKey& key) {
  return R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":")" + x_of(key) +
         R"(","use":"sig","alg":"EdDSA","kid":")" + key_thumbprint(key) + "\"}]}\n";
}

std::string json_string(std::string_view text) {
  if (!is_utf8(text)) return "";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append(1, '\\').append(1, c);
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append("\\u00").append(to_hex(std::string_view(&c, 1)));
    } else {
      out.append(1, c);
    }
  }
  return out + "\"";
}

}  // namespace carrel::credentials
