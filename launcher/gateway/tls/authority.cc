#include "launcher/gateway/tls/authority.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>

#include "launcher/gateway/dns/name.h"

namespace carrel::gateway {
namespace {

constexpr int64_t kClockSlackS = 60;
constexpr int64_t kRenewS = 3600;
constexpr size_t kMaxSession = 48;
constexpr size_t kMaxCommonName = 64;  // ub-common-name, RFC 5280 A.1

struct Lifetime {
  int64_t from_s;
  int64_t until_s;
};

Result<Owned<EVP_PKEY>> generate_key() {
  Owned<EVP_PKEY> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (key == nullptr) return openssl_error("make a P-256 key");
  return key;
}

/// Nobody is asked for one.
int no_password(char* /*buffer*/, int /*size*/, int /*writes*/, void* /*unused*/) {
  return -1;
}

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 32> group = {};
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
         std::string_view(group.data()) == "prime256v1";
}

bool set_serial(X509* certificate) {
  std::array<unsigned char, 16> random = {};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return false;
  random[0] = static_cast<unsigned char>((random[0] & 0x7f) | 0x40);  // positive, never zero
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
      BN_bin2bn(random.data(), static_cast<int>(random.size()), nullptr), BN_free);
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& common_name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(common_name.data());
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, bytes,
                                    static_cast<int>(common_name.size()), -1, 0) == 1;
}

/// A certificate with everything but issuer, extensions and signature.
Result<Owned<X509>> begin(const std::string& common_name, EVP_PKEY* key, Lifetime lifetime) {
  constexpr long kVersion3 = 2;
  Owned<X509> out(X509_new());
  if (out == nullptr || X509_set_version(out.get(), kVersion3) != 1 || !set_serial(out.get()) ||
      !set_subject(out.get(), common_name) || X509_set_pubkey(out.get(), key) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(out.get()), lifetime.from_s) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(out.get()), lifetime.until_s) == nullptr)
    return openssl_error("begin a certificate");
  return out;
}

struct Extension {
  int nid;
  std::string value;  // as of x509v3_config(5)
};

Status finish(X509* certificate, X509* issuer, EVP_PKEY* key,
              const std::vector<Extension>& extensions) {
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
    return openssl_error("name a certificate's issuer");
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (const Extension& each : extensions) {
    const Owned<X509_EXTENSION> made(
        X509V3_EXT_conf_nid(nullptr, &context, each.nid, each.value.c_str()));
    if (made == nullptr || X509_add_ext(certificate, made.get(), -1) != 1)
      return openssl_error(std::string("add a certificate's ") + OBJ_nid2sn(each.nid));
  }
  if (X509_sign(certificate, key, EVP_sha256()) == 0) return openssl_error("sign a certificate");
  return Done();
}

/// Names permit themselves and what lies below them; without a word about addresses all of them
/// would be permitted.
std::string constraints(const std::vector<std::string>& names) {
  std::string out =
      "critical,excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/"
      "0:0:0:0:0:0:0:0";
  for (const std::string& name : names)
    out += ",permitted;DNS:" + name;
  return out;
}

bool is_session_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxSession && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

Status check(const AuthorityRequest& request) {
  if (!is_session_id(request.session)) return Error{"not a session's id", EINVAL};
  if (request.valid_s <= 0) return Error{"an authority that is never valid", EINVAL};
  if (request.names.empty() || request.names.size() > Authority::kMaxNames)
    return Error{"an authority signs for 1 to " + std::to_string(Authority::kMaxNames) + " names",
                 EINVAL};
  for (const std::string& name : request.names) {
    const auto canonical = canonical_name(name);
    if (!canonical.ok() || canonical.value() != name)
      return Error{"an authority for what is no canonical name", EINVAL};
  }
  return Done();
}

/// Chosen by the client's list only; a client without the extension speaks HTTP/1.1 anyway.
int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void* /*unused*/) {
  constexpr std::string_view kHttp1 = "http/1.1";
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
    const std::string_view each(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
    if (each != kHttp1) continue;
    *out = offered + at + 1;
    *out_size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int check_server_name(SSL* ssl, int* alert, void* /*unused*/) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  constexpr unsigned kExact = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;
  if (name != nullptr && X509_check_host(SSL_get_certificate(ssl), name, 0, kExact, nullptr) == 1)
    return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<Owned<SSL_CTX>> server_context(X509* certificate, EVP_PKEY* key) {
  Owned<SSL_CTX> out(SSL_CTX_new(TLS_server_method()));
  if (out == nullptr) return openssl_error("make a TLS context");
  if (SSL_CTX_set_min_proto_version(out.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_num_tickets(out.get(), 0) != 1 ||
      SSL_CTX_use_certificate(out.get(), certificate) != 1 ||
      SSL_CTX_use_PrivateKey(out.get(), key) != 1)
    return openssl_error("set a TLS context");
  SSL_CTX_set_options(out.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(out.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(out.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(out.get(), choose_protocol, nullptr);
  SSL_CTX_callback_ctrl(out.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(check_server_name));
  return out;
}

}  // namespace

Result<Authority> Authority::create(const AuthorityRequest& request) {
  RETURN_IF_ERROR(check(request));
  Authority out;
  ASSIGN_OR_RETURN(out.key_, generate_key());
  ASSIGN_OR_RETURN(out.leaf_key_, generate_key());
  out.until_s_ = request.now_s + request.valid_s;
  ASSIGN_OR_RETURN(out.certificate_, begin("Carrel session " + request.session, out.key_.get(),
                                           {request.now_s - kClockSlackS, out.until_s_}));
  X509* certificate = out.certificate_.get();
  RETURN_IF_ERROR(finish(certificate, certificate, out.key_.get(),
                         {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                          {NID_key_usage, "critical,keyCertSign,cRLSign"},
                          {NID_subject_key_identifier, "hash"},
                          {NID_name_constraints, constraints(request.names)}}));
  ASSIGN_OR_RETURN(out.pem_, certificate_pem(certificate));
  for (const std::string& name : request.names)
    out.leaves_[name];
  return out;
}

Result<Secret> Authority::kept() const {
  const Owned<BIO> bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1)
    return openssl_error("write the session's authority");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return Secret(std::string(data, static_cast<size_t>(size)) + pem_);
}

Result<Authority> Authority::restore(const std::vector<std::string>& names, const Secret& kept) {
  const std::string_view pem = kept.expose();
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Authority out;
  if (bio != nullptr) {
    out.key_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    out.certificate_.reset(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  }
  if (out.key_ == nullptr || out.certificate_ == nullptr || !is_p256(out.key_.get()) ||
      X509_check_private_key(out.certificate_.get(), out.key_.get()) != 1)
    return openssl_error("read the session's authority");
  tm until = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(out.certificate_.get()), &until) != 1)
    return openssl_error("read the end of the session's authority");
  out.until_s_ = timegm(&until);
  ASSIGN_OR_RETURN(out.leaf_key_, generate_key());
  ASSIGN_OR_RETURN(out.pem_, certificate_pem(out.certificate_.get()));
  for (const std::string& name : names)
    out.leaves_[name];
  return out;
}

Status Authority::issue(const std::string& name, int64_t now_s, Leaf& leaf) const {
  const int64_t until_s = std::min(now_s + kLeafS, until_s_);
  // Who reads the common name reads it only where there is no subjectAltName.
  ASSIGN_OR_RETURN(const Owned<X509> certificate,
                   begin(name.size() <= kMaxCommonName ? name : "a host of a Carrel session",
                         leaf_key_.get(), {now_s - kClockSlackS, until_s}));
  RETURN_IF_ERROR(finish(certificate.get(), certificate_.get(), key_.get(),
                         {{NID_basic_constraints, "critical,CA:FALSE"},
                          {NID_key_usage, "critical,digitalSignature"},
                          {NID_ext_key_usage, "serverAuth"},
                          {NID_subject_key_identifier, "hash"},
                          {NID_authority_key_identifier, "keyid:always"},
                          {NID_subject_alt_name, "DNS:" + name}}));
  ASSIGN_OR_RETURN(leaf.context, server_context(certificate.get(), leaf_key_.get()));
  leaf.until_s = until_s;
  return Done();
}

Result<Owned<SSL>> Authority::server_end(const std::string& name, int64_t now_s) {
  const auto found = leaves_.find(name);
  if (found == leaves_.end())
    return Error{"the session's certificate authority does not sign for " + name, EPERM};
  if (now_s >= until_s_) return Error{"the session's certificate authority has ended", ETIME};
  Leaf& leaf = found->second;
  const bool renew = leaf.until_s - now_s < kRenewS && leaf.until_s < until_s_;
  if (leaf.context == nullptr || renew) RETURN_IF_ERROR(issue(name, now_s, leaf));
  Owned<SSL> out(SSL_new(leaf.context.get()));
  if (out == nullptr) return openssl_error("begin a TLS connection");
  SSL_set_accept_state(out.get());
  return out;
}

}  // namespace carrel::gateway
