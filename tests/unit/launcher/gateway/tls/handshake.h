#pragma once
// Both ends of a TLS connection in one thread, and certificates of every kind for them.

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "launcher/gateway/tls/handles.h"

namespace carrel::gateway {

struct Ends {
  bool client = false;  // whether its handshake came to an end
  bool server = false;
  unsigned long client_error = 0;
  unsigned long server_error = 0;
};

inline bool step(SSL* ssl, unsigned long& error) {
  ERR_clear_error();
  if (SSL_do_handshake(ssl) == 1) return true;
  if (error == 0) error = ERR_get_error();
  return false;
}

/// Joins the two by memory and lets both do all they can, alerts after the handshake included.
inline Ends shake_hands(SSL* client, SSL* server) {
  BIO* to_server = BIO_new(BIO_s_mem());
  BIO* to_client = BIO_new(BIO_s_mem());
  BIO_up_ref(to_server);
  BIO_up_ref(to_client);
  SSL_set_bio(client, to_client, to_server);
  SSL_set_bio(server, to_server, to_client);
  Ends out;
  for (int i = 0; i < 10; ++i) {
    out.client = step(client, out.client_error);
    out.server = step(server, out.server_error);
  }
  char byte = 0;
  ERR_clear_error();
  if (out.client && SSL_read(client, &byte, 1) <= 0 && out.client_error == 0)
    out.client_error = ERR_get_error();
  return out;
}

struct Certificate {
  Owned<X509> x509;
  Owned<EVP_PKEY> key;

  [[nodiscard]] std::string pem() const { return certificate_pem(x509.get()).take(); }
  [[nodiscard]] std::string key_pem(const char* password = nullptr) const {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    std::string secret = password == nullptr ? "" : password;
    EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), key.get(),
                                       password == nullptr ? nullptr : EVP_aes_128_cbc(), nullptr,
                                       0, nullptr, password == nullptr ? nullptr : secret.data()),
              1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
  }
};

struct Wish {
  std::string common_name = "anybody";
  std::string san = "";  // "DNS:a.example"; NOLINT: missing initialisers are told of else
  bool ca = false;
  int64_t from_s = time(nullptr) - 3600;
  int64_t until_s = time(nullptr) + 3600;
};

/// Signed by `issuer`, or by itself.
inline Certificate make_certificate(const Wish& wish, const Certificate* issuer = nullptr) {
  Certificate out{Owned<X509>(X509_new()),
                  Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))};
  X509* x509 = out.x509.get();
  X509* by = issuer == nullptr ? x509 : issuer->x509.get();
  static long serial = 1;  // NOLINT: certificates of one issuer must differ
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(wish.common_name.data()), -1,
                             -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(by));
  ASN1_TIME_set(X509_getm_notBefore(x509), wish.from_s);
  ASN1_TIME_set(X509_getm_notAfter(x509), wish.until_s);
  X509_set_pubkey(x509, out.key.get());
  std::vector<std::pair<int, std::string>> extensions = {
      {NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "critical,CA:FALSE"}};
  if (!wish.san.empty()) extensions.emplace_back(NID_subject_alt_name, wish.san);
  for (const auto& [nid, value] : extensions) {
    const Owned<X509_EXTENSION> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
    EXPECT_EQ(X509_add_ext(x509, extension.get(), -1), 1) << value;
  }
  EXPECT_GT(X509_sign(x509, issuer == nullptr ? out.key.get() : issuer->key.get(), EVP_sha256()),
            0);
  return out;
}

/// An ordinary server with this certificate; `configure` changes its context.
template <typename Configure>
Owned<SSL> make_server(const Certificate& certificate, Configure configure) {
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  EXPECT_EQ(SSL_CTX_use_certificate(context.get(), certificate.x509.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), certificate.key.get()), 1);
  configure(context.get());
  Owned<SSL> ssl(SSL_new(context.get()));
  SSL_set_accept_state(ssl.get());
  return ssl;
}
inline Owned<SSL> make_server(const Certificate& certificate) {
  return make_server(certificate, [](SSL_CTX*) {});
}

}  // namespace carrel::gateway
