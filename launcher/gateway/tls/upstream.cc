#include "launcher/gateway/tls/upstream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <limits>

#include "launcher/gateway/dns/name.h"

namespace carrel::gateway {
namespace {

/// Nobody is there to type one.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*unused*/) {
  return -1;
}

Error refused(std::string what) {
  Error error = openssl_error(std::move(what));
  error.sys_errno = EINVAL;
  return error;
}

Result<Owned<EVP_PKEY>> read_key(const Secret& pem) {
  if (pem.expose().size() > std::numeric_limits<int>::max())
    return Error{"a client certificate's key of more than 2 GiB", EINVAL};
  const Owned<BIO> bio(BIO_new_mem_buf(pem.expose().data(), static_cast<int>(pem.expose().size())));
  Owned<EVP_PKEY> key;
  if (bio != nullptr) key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (key == nullptr) return refused("read the client certificate's key");
  return key;
}

Status show(SSL* ssl, const ClientCertificate& certificate) {
  auto chain = read_certificates(certificate.chain_pem, Upstream::kMaxChain);
  if (!chain.ok()) return Error{"client certificate: " + chain.error().what, EINVAL};
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, read_key(certificate.key_pem));
  if (SSL_use_certificate(ssl, chain.value().front().get()) != 1)
    return refused("use the client certificate");
  if (SSL_use_PrivateKey(ssl, key.get()) != 1 || SSL_check_private_key(ssl) != 1)
    return refused("use the client certificate's key");
  for (size_t i = 1; i < chain.value().size(); ++i) {
    if (SSL_add1_chain_cert(ssl, chain.value()[i].get()) != 1)
      return refused("use the client certificate's chain");
  }
  return Done();
}

Status expect_name(SSL* ssl, std::string name) {
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(
      wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) != 1 ||
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1)
    return openssl_error("set the name of a TLS server");
  return Done();
}

std::string about_certificate(long verified, const std::string& name) {
  const std::string certificate = "the certificate of " + name;
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return certificate + ", or one that it stands on, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return certificate + " is not valid yet";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return certificate + " is for another name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return certificate + " is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return certificate + " is of an authority that the gateway does not trust";
    default:
      return certificate + " is refused: " + X509_verify_cert_error_string(verified);
  }
}

std::string about_protocol(unsigned long code, const std::string& name) {
  if (code == 0) return name + " ended the connection before TLS was established";
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    switch (ERR_GET_REASON(code)) {
      case SSL_R_WRONG_VERSION_NUMBER:
        return name + " does not speak TLS on this port";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return name + " speaks no TLS of version 1.2 or newer";
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return name + " wants a client certificate";
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return name + " refused the client certificate";
      default:
        break;
    }
  }
  const char* reason = ERR_reason_error_string(code);
  return "TLS with " + name + " failed: " + (reason != nullptr ? reason : "no reason is known");
}

}  // namespace

Result<Upstream> Upstream::create(std::string_view roots_pem) {
  ASSIGN_OR_RETURN(const auto roots, read_certificates(roots_pem, kMaxRoots));
  Upstream out;
  out.context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = out.context_.get();
  constexpr unsigned char kHttp1[] = "\x08http/1.1";
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_alpn_protos(context, kHttp1, sizeof kHttp1 - 1) != 0)  // 0 is success here
    return openssl_error("make a TLS context");
  for (const Owned<X509>& each : roots) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), each.get()) != 1)
      return openssl_error("trust a certificate");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return out;
}

Result<Owned<SSL>> Upstream::client_end(const std::string& name,
                                        const ClientCertificate* certificate) const {
  const auto canonical = canonical_name(name);
  if (!canonical.ok() || canonical.value() != name)
    return Error{"a connection to what is no canonical name", EINVAL};
  Owned<SSL> out(SSL_new(context_.get()));
  if (out == nullptr) return openssl_error("begin a TLS connection");
  RETURN_IF_ERROR(expect_name(out.get(), name));
  if (certificate != nullptr) RETURN_IF_ERROR(show(out.get(), *certificate));
  SSL_set_connect_state(out.get());
  return out;
}

std::string handshake_failure(const SSL* ssl, std::string_view name, unsigned long openssl_code) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) return about_certificate(verified, std::string(name));
  return about_protocol(openssl_code, std::string(name));
}

}  // namespace carrel::gateway
