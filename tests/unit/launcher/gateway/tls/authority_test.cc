// The session's authority in real handshakes: who believes it, and for which names.

#include "launcher/gateway/tls/authority.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <cerrno>

#include "launcher/gateway/tls/upstream.h"
#include "tests/unit/launcher/gateway/tls/handshake.h"

namespace carrel::gateway {
namespace {

constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 24 * kHour;

AuthorityRequest request() {
  return {.session = "01J0SESSION",
          .names = {"a.example", "b.example"},
          .now_s = time(nullptr),
          .valid_s = 9 * kHour};
}
Authority make(const AuthorityRequest& wanted = request()) {
  auto made = Authority::create(wanted);
  EXPECT_TRUE(made.ok()) << to_string(made.error());
  return made.take();
}
Owned<SSL> server_of(Authority& authority, const std::string& name, int64_t now_s = time(nullptr)) {
  auto made = authority.server_end(name, now_s);
  EXPECT_TRUE(made.ok()) << to_string(made.error());
  return made.ok() ? made.take() : nullptr;
}
Owned<SSL> client_of(const std::string& roots, const std::string& name) {
  auto upstream = Upstream::create(roots);
  EXPECT_TRUE(upstream.ok());
  return upstream.value().client_end(name, nullptr).take();
}
/// OpenSSL's own client without anything set: no SNI, no verification, no ALPN.
Owned<SSL> bare_client() {
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  Owned<SSL> ssl(SSL_new(context.get()));
  SSL_set_connect_state(ssl.get());
  return ssl;
}
void ask_for(SSL* ssl, std::string name) {
  EXPECT_EQ(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()), 1);
}
Owned<X509> parsed(const std::string& pem) {
  return std::move(read_certificates(pem, 1).take().front());
}
std::string serial_of(SSL* server) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  i2a_ASN1_INTEGER(bio.get(), X509_get0_serialNumber(SSL_get_certificate(server)));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}
int reason_of(unsigned long code) {
  return ERR_GET_REASON(code);
}

TEST(Authority, IsACaForItsNamesAndNothingElse) {
  const AuthorityRequest wanted = request();
  const Authority authority = make(wanted);
  const Owned<X509> ca = parsed(authority.pem());
  EXPECT_EQ(X509_get_pathlen(ca.get()), 0);
  EXPECT_EQ(X509_check_ca(ca.get()), 1);
  EXPECT_EQ(X509_get_key_usage(ca.get()), static_cast<uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  for (const int nid : {NID_basic_constraints, NID_key_usage, NID_name_constraints}) {
    X509_EXTENSION* extension = X509_get_ext(ca.get(), X509_get_ext_by_NID(ca.get(), nid, -1));
    ASSERT_NE(extension, nullptr) << nid;
    EXPECT_EQ(X509_EXTENSION_get_critical(extension), 1) << nid;
  }
  time_t at = wanted.now_s - 61;
  EXPECT_EQ(X509_cmp_time(X509_get0_notBefore(ca.get()), &at), 1);
  at = wanted.now_s - 59;
  EXPECT_EQ(X509_cmp_time(X509_get0_notBefore(ca.get()), &at), -1);
  at = wanted.now_s + wanted.valid_s - 1;
  EXPECT_EQ(X509_cmp_time(X509_get0_notAfter(ca.get()), &at), 1);
  at = wanted.now_s + wanted.valid_s + 1;
  EXPECT_EQ(X509_cmp_time(X509_get0_notAfter(ca.get()), &at), -1);
  char subject[100];
  X509_NAME_oneline(X509_get_subject_name(ca.get()), subject, sizeof subject);
  EXPECT_STREQ(subject, "/CN=Carrel session 01J0SESSION");
  EXPECT_EQ(EVP_PKEY_get_id(X509_get0_pubkey(ca.get())), EVP_PKEY_EC);
  EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(ca.get())), 256);
}

TEST(Authority, IsBelievedByWhoTrustsItInBothVersions) {
  Authority authority = make();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Owned<SSL> server = server_of(authority, "a.example");
    const Owned<SSL> client = client_of(authority.pem(), "a.example");
    SSL_set_max_proto_version(client.get(), version);
    const Ends ends = shake_hands(client.get(), server.get());
    EXPECT_TRUE(ends.client && ends.server) << ERR_reason_error_string(ends.client_error);
    EXPECT_EQ(SSL_version(client.get()), version);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.get(), &protocol, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), size), "http/1.1");
    EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(client.get())), 0) << version;
  }
}

/// The next gateway of the session: whoever trusted the first one's trusts it.
TEST(Authority, GoesOnInAnotherGateway) {
  const AuthorityRequest wanted = request();
  Authority first = make(wanted);
  const Secret kept = first.kept().take();
  auto restored = Authority::restore(wanted.names, kept);
  ASSERT_TRUE(restored.ok()) << to_string(restored.error());
  Authority second = restored.take();
  EXPECT_EQ(second.pem(), first.pem());
  const Owned<SSL> server = server_of(second, "a.example");
  const Owned<SSL> client = client_of(first.pem(), "a.example");
  const Ends ends = shake_hands(client.get(), server.get());
  EXPECT_TRUE(ends.client && ends.server) << ERR_reason_error_string(ends.client_error);
  // It ends when the first one would have.
  EXPECT_TRUE(second.server_end("a.example", wanted.now_s + wanted.valid_s - 1).ok());
  EXPECT_EQ(second.server_end("a.example", wanted.now_s + wanted.valid_s).error().sys_errno, ETIME);
  EXPECT_EQ(second.server_end("c.example", wanted.now_s).error().sys_errno, EPERM);
}

TEST(Authority, IsNotMadeOfAnythingElse) {
  const AuthorityRequest wanted = request();
  const Secret one = make(wanted).kept().take();
  const Secret other = make(wanted).kept().take();
  const std::string key(one.expose().substr(0, one.expose().find("-----BEGIN CERTIFICATE")));
  const std::string strange(other.expose().substr(other.expose().find("-----BEGIN CERTIFICATE")));
  const Owned<EVP_PKEY> rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048}));
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), rsa.get(), EVP_aes_128_cbc(), "x", 1, nullptr,
                                          nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const std::string locked(data, static_cast<size_t>(size));  // nobody is asked for its password
  for (const std::string& text : {std::string(), key, strange, key + strange, locked + strange})
    EXPECT_FALSE(Authority::restore(wanted.names, Secret(text)).ok()) << text.size();
}

TEST(Authority, IsNotBelievedByAnybodyElse) {
  Authority authority = make();
  const Authority other = make();  // of the same subject
  const Owned<SSL> server = server_of(authority, "a.example");
  const Owned<SSL> client = client_of(other.pem(), "a.example");
  const Ends ends = shake_hands(client.get(), server.get());
  EXPECT_FALSE(ends.client);
  EXPECT_NE(SSL_get_verify_result(client.get()), X509_V_OK);
}

TEST(Authority, EndsConnectionsOfOlderVersions) {
  Authority authority = make();
  const Owned<SSL> server = server_of(authority, "a.example");
  const Owned<SSL> client = bare_client();
  ask_for(client.get(), "a.example");
  SSL_set_security_level(client.get(), 0);
  SSL_set_min_proto_version(client.get(), TLS1_1_VERSION);
  SSL_set_max_proto_version(client.get(), TLS1_1_VERSION);
  const Ends ends = shake_hands(client.get(), server.get());
  EXPECT_FALSE(ends.client);
  EXPECT_EQ(reason_of(ends.server_error), SSL_R_UNSUPPORTED_PROTOCOL);
}

TEST(Authority, ShowsNothingToAClientThatNamesAnotherServer) {
  Authority authority = make();
  const auto shown = [&](const char* name) {
    const Owned<SSL> server = server_of(authority, "a.example");
    const Owned<SSL> client = bare_client();
    if (name != nullptr) ask_for(client.get(), name);
    const Ends ends = shake_hands(client.get(), server.get());
    EXPECT_EQ(ends.client, ends.server);
    if (!ends.client) {
      EXPECT_EQ(reason_of(ends.client_error), SSL_R_TLSV1_UNRECOGNIZED_NAME);
    }
    return ends.client;
  };
  EXPECT_TRUE(shown("a.example"));
  EXPECT_TRUE(shown("A.Example"));
  EXPECT_FALSE(shown("b.example"));
  EXPECT_FALSE(shown("x.a.example"));
  EXPECT_FALSE(shown(nullptr));
}

TEST(Authority, SpeaksHttp1OrNothing) {
  Authority authority = make();
  const auto speaks = [&](const std::string& protocols) {
    const Owned<SSL> server = server_of(authority, "a.example");
    const Owned<SSL> client = bare_client();
    ask_for(client.get(), "a.example");
    SSL_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
    const Ends ends = shake_hands(client.get(), server.get());
    if (!ends.client) {
      EXPECT_EQ(reason_of(ends.client_error), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    }
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.get(), &chosen, &size);
    return ends.client ? std::string(reinterpret_cast<const char*>(chosen), size) : "refused";
  };
  EXPECT_EQ(speaks("\x02h2\x08http/1.1"), "http/1.1");
  EXPECT_EQ(speaks("\x02h2"), "refused");
  EXPECT_EQ(speaks("\x02h2\x08http/1.0"), "refused");
  EXPECT_EQ(speaks(""), "");  // without the extension
}

TEST(Authority, SignsForListedNamesOnly) {
  Authority authority = make();
  EXPECT_TRUE(authority.signs_for("b.example"));
  EXPECT_FALSE(authority.signs_for("x.b.example"));
  for (const char* name : {"c.example", "x.a.example", "example", "A.example", ""}) {
    const auto refused = authority.server_end(name, time(nullptr));
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_EQ(refused.error().sys_errno, EPERM);
  }
}

/// As if the key had been stolen: the same authority with a key that the test has.
Certificate stolen(const Authority& authority) {
  Certificate out{parsed(authority.pem()),
                  Owned<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))};
  X509_set_pubkey(out.x509.get(), out.key.get());
  X509_sign(out.x509.get(), out.key.get(), EVP_sha256());
  return out;
}

long verified(const Certificate& ca, const Certificate& leaf, const std::string& name) {
  const Owned<SSL> server = make_server(leaf);
  const Owned<SSL> client = client_of(ca.pem(), name);
  const Ends ends = shake_hands(client.get(), server.get());
  const long result = SSL_get_verify_result(client.get());
  EXPECT_EQ(ends.client, result == X509_V_OK);
  return result;
}

TEST(Authority, WithItsKeyNobodyIsBelievedForOtherNames) {
  const Certificate ca = stolen(make());
  const auto leaf = [&](const std::string& san) { return make_certificate({.san = san}, &ca); };
  EXPECT_EQ(verified(ca, leaf("DNS:a.example"), "a.example"), X509_V_OK);
  EXPECT_EQ(verified(ca, leaf("DNS:c.example"), "c.example"), X509_V_ERR_PERMITTED_VIOLATION);
  EXPECT_EQ(verified(ca, leaf("DNS:a.example,DNS:c.example"), "a.example"),
            X509_V_ERR_PERMITTED_VIOLATION);
  EXPECT_EQ(verified(ca, leaf("DNS:a.example,IP:192.0.2.1"), "a.example"),
            X509_V_ERR_EXCLUDED_VIOLATION);
  EXPECT_EQ(verified(ca, leaf("DNS:a.example,IP:2001:db8::1"), "a.example"),
            X509_V_ERR_EXCLUDED_VIOLATION);
}

TEST(Authority, WithItsKeyNobodyMakesAnother) {
  const Certificate ca = stolen(make());
  const Certificate below = make_certificate({.common_name = "below", .ca = true}, &ca);
  const Certificate leaf = make_certificate({.san = "DNS:a.example"}, &below);
  const Owned<SSL> server = make_server(leaf, [&](SSL_CTX* context) {
    EXPECT_EQ(SSL_CTX_add1_chain_cert(context, below.x509.get()), 1);
  });
  const Owned<SSL> client = client_of(ca.pem(), "a.example");
  EXPECT_FALSE(shake_hands(client.get(), server.get()).client);
  EXPECT_EQ(SSL_get_verify_result(client.get()), X509_V_ERR_PATH_LENGTH_EXCEEDED);
}

TEST(Authority, ALeafLivesADayAndNotLongerThanTheAuthority) {
  AuthorityRequest wanted = request();
  wanted.now_s = time(nullptr) - 2 * kDay;
  wanted.valid_s = 3 * kDay;
  Authority authority = make(wanted);
  const auto verify = [&](int64_t made_s) {
    const Owned<SSL> server = server_of(authority, "a.example", made_s);
    const Owned<SSL> client = client_of(authority.pem(), "a.example");
    shake_hands(client.get(), server.get());
    return SSL_get_verify_result(client.get());
  };
  EXPECT_EQ(verify(wanted.now_s), X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(verify(time(nullptr)), X509_V_OK);  // made anew
  const int64_t late_s = wanted.now_s + 3 * kDay - kHour / 2;
  const Owned<SSL> last = server_of(authority, "b.example", late_s);
  time_t at = wanted.now_s + 3 * kDay + 1;
  EXPECT_EQ(X509_cmp_time(X509_get0_notAfter(SSL_get_certificate(last.get())), &at), -1);
  EXPECT_EQ(serial_of(server_of(authority, "b.example", late_s + 60).get()), serial_of(last.get()));
}

TEST(Authority, MakesALeafOnceAndAgainInItsLastHour) {
  AuthorityRequest wanted = request();
  wanted.valid_s = 3 * kDay;
  Authority authority = make(wanted);
  const auto serial = [&](const char* name, int64_t after_s) {
    return serial_of(server_of(authority, name, wanted.now_s + after_s).get());
  };
  const std::string first = serial("a.example", 0);
  EXPECT_GE(first.size(), 32U);
  EXPECT_EQ(serial("a.example", 22 * kHour), first);
  EXPECT_NE(serial("b.example", 0), first);
  EXPECT_NE(serial("a.example", 23 * kHour + 60), first);
}

TEST(Authority, EndsWhenItSaidSo) {
  const AuthorityRequest wanted = request();
  Authority authority = make(wanted);
  EXPECT_TRUE(authority.server_end("a.example", wanted.now_s + wanted.valid_s - 1).ok());
  const auto ended = authority.server_end("a.example", wanted.now_s + wanted.valid_s);
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().sys_errno, ETIME);
}

TEST(Authority, ConnectionsOutliveIt) {
  Owned<SSL> server;
  std::string pem;
  {
    Authority authority = make();
    pem = authority.pem();
    server = server_of(authority, "a.example");
  }
  const Owned<SSL> client = client_of(pem, "a.example");
  EXPECT_TRUE(shake_hands(client.get(), server.get()).client);
}

TEST(Authority, ANameOfAnyLengthHasALeaf) {
  const std::string label(60, 'l');
  const std::string name = label + "." + label + "." + label + "." + label + ".example";
  AuthorityRequest wanted = request();
  wanted.names = {name};
  Authority authority = make(wanted);
  const Owned<SSL> server = server_of(authority, name);
  const Owned<SSL> client = client_of(authority.pem(), name);
  EXPECT_TRUE(shake_hands(client.get(), server.get()).client);
}

TEST(Authority, IsNotMadeForWhatItCouldNotMean) {
  const auto code = [](auto change) {
    AuthorityRequest wanted = request();
    change(wanted);
    const auto made = Authority::create(wanted);
    return made.ok() ? 0 : made.error().sys_errno;
  };
  EXPECT_EQ(code([](AuthorityRequest&) {}), 0);
  EXPECT_EQ(code([](AuthorityRequest& r) { r.names.clear(); }), EINVAL);
  EXPECT_EQ(code([](AuthorityRequest& r) { r.names.assign(4095, "a.example"); }), EINVAL);
  for (const char* name : {"", "A.example", "a.example.", "*.example", "192.0.2.1",
                           "a.example,DNS:c.example", ".example"})
    EXPECT_EQ(code([&](AuthorityRequest& r) { r.names.push_back(name); }), EINVAL) << name;
  EXPECT_EQ(code([](AuthorityRequest& r) { r.valid_s = 0; }), EINVAL);
  for (const char* session :
       {"", "a b", "a/CN=b", "0123456789012345678901234567890123456789012345678"})
    EXPECT_EQ(code([&](AuthorityRequest& r) { r.session = session; }), EINVAL) << session;
}

}  // namespace
}  // namespace carrel::gateway
