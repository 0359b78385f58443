#include "launcher/gateway/tls/trust.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "launcher/gateway/tls/handles.h"

namespace carrel::gateway {
namespace {

std::string big_endian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = bytes; i-- > 0;)
    out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

/// As java.io.DataOutput.writeUTF() has it; ASCII only.
std::string java_text(std::string_view text) {
  return big_endian(text.size(), 2) + std::string(text);
}

Result<std::string> der_of(const X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return openssl_error("write a certificate");
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

/// A SEQUENCE and nothing behind it: what is inside costs OpenSSL 3.0 a quarter of a millisecond
/// per certificate to read, mostly its key.
bool is_one_sequence(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const begin = at;
  long size = 0;
  int tag = 0;
  int kind = 0;
  const int found = ASN1_get_object(&at, &size, &tag, &kind, static_cast<long>(der.size()));
  return found == V_ASN1_CONSTRUCTED && tag == V_ASN1_SEQUENCE && kind == V_ASN1_UNIVERSAL &&
         static_cast<size_t>(at - begin) + static_cast<size_t>(size) == der.size();
}

/// The DER of the next certificate, "" at the end of the text.
Result<std::string> next_certificate(BIO* pem) {
  char* label = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  ERR_clear_error();
  if (PEM_read_bio(pem, &label, &header, &data, &size) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
      return openssl_error("read a bundle");
    ERR_clear_error();
    return std::string();
  }
  const bool is_certificate = std::string_view(label) == PEM_STRING_X509;
  std::string der(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
  OPENSSL_free(label);
  OPENSSL_free(header);
  OPENSSL_free(data);
  if (!is_certificate || !is_one_sequence(der))
    return Error{"the bundle has something else than certificates", EINVAL};
  return der;
}

Result<Owned<X509>> only_certificate(std::string_view pem) {
  ASSIGN_OR_RETURN(auto all, read_certificates(pem, 1));
  return std::move(all.front());
}

void add_entry(std::string& out, std::string_view alias, std::string_view date,
               std::string_view der) {
  constexpr uint32_t kTrustedCertificate = 2;
  out += big_endian(kTrustedCertificate, 4);
  out += java_text(alias);
  out += date;
  out += java_text("X.509");
  out += big_endian(der.size(), 4);
  out += der;
}

/// No protection against anybody, as everybody knows the password: the format has it.
Result<std::string> store_digest(std::string_view store) {
  std::string before;
  for (const char c : kStorePassword)
    before += {'\0', c};  // UTF-16BE
  before += "Mighty Aphrodite";
  const Owned<EVP_MD> sha1(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned size = 0;
  if (sha1 == nullptr || context == nullptr ||
      EVP_DigestInit_ex2(context.get(), sha1.get(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), before.data(), before.size()) != 1 ||
      EVP_DigestUpdate(context.get(), store.data(), store.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    return openssl_error("digest of a Java key store");
  return std::string(reinterpret_cast<const char*>(digest.data()), size);
}

}  // namespace

Result<SystemRoots> SystemRoots::parse(std::string_view pem) {
  if (pem.size() > kMaxBytes) return Error{"a bundle of more than 16 MiB", EINVAL};
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) return openssl_error("read a bundle");
  SystemRoots out;
  out.pem_ = pem;
  if (!out.pem_.ends_with('\n')) out.pem_ += '\n';
  while (true) {
    ASSIGN_OR_RETURN(std::string der, next_certificate(bio.get()));
    if (der.empty()) break;
    out.certificates_.push_back(std::move(der));
  }
  if (out.certificates_.empty()) return Error{"there is no certificate in the bundle", EINVAL};
  return out;
}

std::string SystemRoots::bundle(std::string_view authority_pem) const {
  return pem_ + std::string(authority_pem);
}

Result<std::string> SystemRoots::java_store(std::string_view authority_pem, int64_t now_s) const {
  ASSIGN_OR_RETURN(const Owned<X509> authority, only_certificate(authority_pem));
  ASSIGN_OR_RETURN(const std::string der, der_of(authority.get()));
  constexpr uint32_t kMagic = 0xFEEDFEED;
  constexpr uint32_t kVersion = 2;
  const std::string date = big_endian(static_cast<uint64_t>(now_s) * 1000, 8);
  std::string out =
      big_endian(kMagic, 4) + big_endian(kVersion, 4) + big_endian(certificates_.size() + 1, 4);
  add_entry(out, "carrel-session", date, der);
  for (size_t i = 0; i < certificates_.size(); ++i)
    add_entry(out, "system-" + std::to_string(i), date, certificates_[i]);
  ASSIGN_OR_RETURN(const std::string digest, store_digest(out));
  return out + digest;
}

Result<std::string> hashed_name(std::string_view authority_pem) {
  ASSIGN_OR_RETURN(const Owned<X509> authority, only_certificate(authority_pem));
  std::array<char, sizeof "01234567.0"> name = {};
  (void)snprintf(name.data(), name.size(), "%08lx.0",
                 X509_subject_name_hash(authority.get()) & 0xffffffffUL);
  return std::string(name.data());
}

}  // namespace carrel::gateway
