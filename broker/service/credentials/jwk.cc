#include "broker/service/credentials/jwk.h"

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"

namespace carrel::credentials {
namespace {

/// The members that say which key it is, in the lexical order of RFC 7638, 3.2.
std::string required_members(const PublicJwk& key) {
  switch (key.alg) {
    case Alg::kEdDsa:
      return R"("crv":"Ed25519","kty":"OKP","x":")" + to_base64url(key.x) + "\"";
    case Alg::kEs256:
      return R"("crv":"P-256","kty":"EC","x":")" + to_base64url(key.x) + R"(","y":")" +
             to_base64url(key.y) + "\"";
    case Alg::kRs256:
      return R"("e":")" + to_base64url(key.e) + R"(","kty":"RSA","n":")" + to_base64url(key.n) +
             "\"";
  }
  return "";
}

}  // namespace

std::string_view word_of(Alg alg) {
  constexpr std::array<std::string_view, 3> kWords = {"EdDSA", "ES256", "RS256"};
  return kWords.at(static_cast<size_t>(alg));
}

PublicJwk jwk_of(const evidence::PublicKey& key) {
  return {.x = std::string(evidence::as_view(key))};
}

std::string thumbprint(const PublicJwk& key) {
  return to_base64url(evidence::as_view(evidence::sha256("{" + required_members(key) + "}")));
}

std::string jwks_text(std::span<const PublicJwk> keys) {
  std::string list;
  for (const PublicJwk& key : keys) {
    list += (list.empty() ? "{" : ",{") + required_members(key) + R"(,"use":"sig","alg":")" +
            std::string(word_of(key.alg)) + R"(","kid":")" + thumbprint(key) + "\"}";
  }
  return "{\"keys\":[" + list + "]}\n";
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
