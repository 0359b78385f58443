#include "broker/service/credentials/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <memory>
#include <vector>

namespace carrel::credentials {
namespace {

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Time = std::unique_ptr<ASN1_TIME, Freed<ASN1_TIME_free>>;

constexpr size_t kMaxCommonName = 64;
constexpr size_t kMaxChain = 8;

struct Authority {
  Key key;
  std::vector<Certificate> chain;  // its own first
};

/// OpenSSL's queue of errors is this thread's; what is not read here would be taken for a later
/// call's.
Error failed(const std::string& what) {
  ERR_clear_error();
  return Error{what};
}

Bio reader_of(const Secret& bytes) {
  return Bio(BIO_new_mem_buf(bytes.expose().data(), static_cast<int>(bytes.expose().size())));
}

/// Never asks a terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

Result<Authority> read_authority(const Secret& pem) {
  if (pem.expose().size() > INT_MAX) return Error{"the authority's file is too large"};
  Authority authority;
  const Bio key = reader_of(pem);
  const Bio certificates = reader_of(pem);
  if (key == nullptr || certificates == nullptr) return failed("no memory for the authority");
  authority.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_passphrase, nullptr));
  if (authority.key == nullptr) {
    return failed("the authority's file holds no private key in PEM without a passphrase");
  }
  while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr)) {
    authority.chain.emplace_back(next);
    if (authority.chain.size() > kMaxChain) return failed("the authority's chain is too long");
  }
  ERR_clear_error();  // the end of the file is one
  if (authority.chain.empty()) return failed("the authority's file holds no certificate in PEM");
  if (X509_check_private_key(authority.chain[0].get(), authority.key.get()) != 1) {
    return failed("the authority's first certificate is not its private key's");
  }
  // X509_check_ca(3): 1 is a version 3 certificate that says so; keyUsage is looked at, too.
  if (X509_check_ca(authority.chain[0].get()) != 1) {
    return failed("the authority's certificate may sign no certificates (CA:TRUE, keyCertSign)");
  }
  return authority;
}

Time time_of(uint64_t seconds) {
  return Time(ASN1_TIME_set(nullptr, static_cast<time_t>(seconds)));
}

Status set_times(X509* made, const X509* authority, const CertificateTerms& terms) {
  const Time from = time_of(terms.not_before);
  const Time until = time_of(terms.not_after);
  if (from == nullptr || until == nullptr || terms.not_before >= terms.not_after) {
    return failed("the certificate's times");
  }
  const ASN1_TIME* own_from = X509_get0_notBefore(authority);
  const bool later = ASN1_TIME_compare(own_from, from.get()) > 0;
  if (ASN1_TIME_compare(own_from, until.get()) >= 0) {
    return failed("the authority's certificate is not valid yet");
  }
  if (ASN1_TIME_compare(X509_get0_notAfter(authority), until.get()) < 0) {
    return failed("the authority's certificate ends before the new one would: renew it");
  }
  if (X509_set1_notBefore(made, later ? own_from : from.get()) != 1 ||
      X509_set1_notAfter(made, until.get()) != 1) {
    return failed("the certificate's times");
  }
  return Done{};
}

Status set_names(X509* made, const X509* authority, const CertificateTerms& terms) {
  const Number number(BN_bin2bn(reinterpret_cast<const uint8_t*>(terms.serial.data()),
                                static_cast<int>(terms.serial.size()), nullptr));
  // RFC 5280, 4.1.2.2: positive, at most 20 bytes.
  if (number == nullptr || BN_is_zero(number.get()) ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made)) == nullptr) {
    return failed("the certificate's serial number");
  }
  const std::string& name = terms.common_name;
  if (X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const uint8_t*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) != 1 ||
      X509_set_issuer_name(made, X509_get_subject_name(authority)) != 1) {
    return failed("the certificate's names");
  }
  return Done{};
}

Status add_extensions(X509* made, X509* authority, const std::string& uri) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, authority, made, nullptr, nullptr, 0);
  const std::string name = "URI:" + uri;
  const std::vector<std::pair<int, const char*>> wanted = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, "clientAuth"},
      {NID_subject_alt_name, name.c_str()},
      {NID_subject_key_identifier, "hash"},
      {NID_authority_key_identifier, "keyid"}};
  for (const auto& [nid, value] : wanted) {
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    if (extension == nullptr || X509_add_ext(made, extension.get(), -1) != 1) {
      return failed("the certificate's extensions");
    }
  }
  return Done{};
}

/// Ed25519 and Ed448 sign the text itself.
const EVP_MD* digest_for(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

Result<std::string> taken_from(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  if (size <= 0) return failed("write PEM");
  return std::string(bytes, static_cast<size_t>(size));
}

Result<std::string> chain_text(const X509* made, const Authority& authority) {
  const Bio out(BIO_new(BIO_s_mem()));
  if (out == nullptr || PEM_write_bio_X509(out.get(), made) != 1) return failed("write PEM");
  for (const Certificate& each : authority.chain) {
    if (PEM_write_bio_X509(out.get(), each.get()) != 1) return failed("write PEM");
  }
  return taken_from(out.get());
}

/// A memory of OpenSSL's secure kind is overwritten when it goes.
Result<Secret> key_text(const EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_secmem()));
  if (out == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failed("write a private key as PEM");
  }
  ASSIGN_OR_RETURN(std::string text, taken_from(out.get()));
  return Secret(std::move(text));
}

Status check_terms(const CertificateTerms& terms) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
           c == '-' || c == '_' || c == '.';
  };
  // A certificate for nobody would be one for anybody.
  if (terms.common_name.empty() || terms.common_name.size() > kMaxCommonName ||
      !std::all_of(terms.common_name.begin(), terms.common_name.end(), fits)) {
    return Error{"the certificate's subject is empty or does not fit"};
  }
  if (terms.serial.size() != 16) return Error{"the certificate's serial number"};
  return Done{};
}

}  // namespace

Result<ClientCertificate> certify_client(const Secret& authority_pem,
                                         const CertificateTerms& terms) {
  RETURN_IF_ERROR(check_terms(terms));
  ASSIGN_OR_RETURN(const Authority authority, read_authority(authority_pem));
  X509* issuer = authority.chain[0].get();
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  if (key == nullptr || made == nullptr || X509_set_version(made.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(made.get(), key.get()) != 1) {
    return failed("make a client's key");
  }
  RETURN_IF_ERROR(set_names(made.get(), issuer, terms));
  RETURN_IF_ERROR(set_times(made.get(), issuer, terms));
  RETURN_IF_ERROR(add_extensions(made.get(), issuer, terms.common_name));
  if (X509_sign(made.get(), authority.key.get(), digest_for(authority.key.get())) <= 0) {
    return failed("sign with the authority's key");
  }
  ClientCertificate client;
  ASSIGN_OR_RETURN(client.chain, chain_text(made.get(), authority));
  ASSIGN_OR_RETURN(client.private_key, key_text(key.get()));
  return client;
}

}  // namespace carrel::credentials
