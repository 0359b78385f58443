// The gateway as a client: which servers it believes, and what it says of the others.

#include "launcher/gateway/tls/upstream.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "tests/unit/launcher/gateway/tls/handshake.h"

namespace carrel::gateway {
namespace {

const Certificate& root() {
  static const Certificate made = make_certificate({.common_name = "root", .ca = true});
  return made;
}

Upstream upstream(const std::string& roots = root().pem()) {
  auto made = Upstream::create(roots);
  EXPECT_TRUE(made.ok()) << to_string(made.error());
  return made.take();
}

/// "" when the handshake came to an end, else the sentence.
std::string failure(SSL* server, const std::string& name,
                    const ClientCertificate* certificate = nullptr) {
  auto client = upstream().client_end(name, certificate);
  EXPECT_TRUE(client.ok()) << to_string(client.error());
  const Ends ends = shake_hands(client.value().get(), server);
  if (ends.client && ends.client_error == 0) return "";
  return handshake_failure(client.value().get(), name, ends.client_error);
}
std::string failure(const Certificate& certificate, const std::string& name = "a.example") {
  return failure(make_server(certificate).get(), name);
}
Certificate signed_by_root(Wish wish) {
  return make_certificate(wish, &root());
}

TEST(Upstream, BelievesATrustedCertificateOfExactlyTheName) {
  EXPECT_EQ(failure(signed_by_root({.san = "DNS:a.example"})), "");
  EXPECT_EQ(failure(signed_by_root({.san = "DNS:b.example"})),
            "the certificate of a.example is for another name");
  EXPECT_EQ(failure(signed_by_root({.san = "DNS:x.a.example"})),
            "the certificate of a.example is for another name");
  EXPECT_EQ(failure(signed_by_root({.common_name = "a.example"})),
            "the certificate of a.example is for another name");
}

TEST(Upstream, BelievesAWildcardAsAWholeLabelOnly) {
  EXPECT_EQ(failure(signed_by_root({.san = "DNS:*.a.example"}), "x.a.example"), "");
  const std::string other = "the certificate of x.a.example is for another name";
  EXPECT_EQ(failure(signed_by_root({.san = "DNS:x*.a.example"}), "x.a.example"), other);
  EXPECT_EQ(failure(signed_by_root({.san = "DNS:*.example"}), "x.a.example"), other);
}

TEST(Upstream, SaysWhatIsWrongWithACertificate) {
  const int64_t now_s = time(nullptr);
  EXPECT_EQ(failure(signed_by_root(
                {.san = "DNS:a.example", .from_s = now_s - 100, .until_s = now_s - 50})),
            "the certificate of a.example, or one that it stands on, has expired");
  EXPECT_EQ(failure(signed_by_root(
                {.san = "DNS:a.example", .from_s = now_s + 50, .until_s = now_s + 100})),
            "the certificate of a.example is not valid yet");
  EXPECT_EQ(failure(make_certificate({.san = "DNS:a.example"})),
            "the certificate of a.example is self-signed");
  const Certificate other = make_certificate({.common_name = "other", .ca = true});
  EXPECT_EQ(failure(make_certificate({.san = "DNS:a.example"}, &other)),
            "the certificate of a.example is of an authority that the gateway does not trust");
  const Certificate no_ca = signed_by_root({.common_name = "no authority"});
  const Owned<SSL> server =
      make_server(make_certificate({.san = "DNS:a.example"}, &no_ca),
                  [&](SSL_CTX* context) { SSL_CTX_add1_chain_cert(context, no_ca.x509.get()); });
  EXPECT_EQ(failure(server.get(), "a.example"),
            "the certificate of a.example is refused: invalid CA certificate");
}

TEST(Upstream, AsksForTheNameAndHttp1) {
  const Owned<SSL> server = make_server(signed_by_root({.san = "DNS:a.example"}));
  static std::string offered;  // NOLINT: of a C callback
  SSL_CTX_set_alpn_select_cb(
      SSL_get_SSL_CTX(server.get()),
      [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
         unsigned in_size, void*) {
        offered.assign(reinterpret_cast<const char*>(in), in_size);
        *out = in + 1;
        *size = in[0];
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  EXPECT_EQ(failure(server.get(), "a.example"), "");
  EXPECT_EQ(offered, "\x08http/1.1");
  EXPECT_STREQ(SSL_get_servername(server.get(), TLSEXT_NAMETYPE_host_name), "a.example");
}

TEST(Upstream, SaysWhatIsWrongWithTheProtocol) {
  const Certificate certificate = signed_by_root({.san = "DNS:a.example"});
  const Owned<SSL> old = make_server(certificate, [](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  });
  EXPECT_EQ(failure(old.get(), "a.example"), "a.example speaks no TLS of version 1.2 or newer");
  const auto client = upstream().client_end("a.example", nullptr);
  BIO* in = BIO_new(BIO_s_mem());
  BIO_puts(in, "HTTP/1.1 400 Bad Request\r\n\r\n");
  SSL_set_bio(client.value().get(), in, BIO_new(BIO_s_mem()));
  unsigned long error = 0;
  EXPECT_FALSE(step(client.value().get(), error));
  EXPECT_EQ(handshake_failure(client.value().get(), "a.example", error),
            "a.example does not speak TLS on this port");
  EXPECT_EQ(handshake_failure(client.value().get(), "a.example", 0),
            "a.example ended the connection before TLS was established");
}

Owned<SSL> asking_server() {
  return make_server(signed_by_root({.san = "DNS:a.example"}), [](SSL_CTX* context) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root().x509.get());
  });
}
ClientCertificate shown(const Certificate& certificate, const Certificate* between = nullptr) {
  return {certificate.pem() + (between == nullptr ? "" : between->pem()),
          Secret(certificate.key_pem())};
}

TEST(Upstream, ShowsAClientCertificateWhereThereIsOne) {
  const Certificate between = make_certificate({.common_name = "between", .ca = true}, &root());
  const Certificate direct = signed_by_root({.common_name = "us"});
  const Certificate below = make_certificate({.common_name = "us below"}, &between);
  for (const ClientCertificate& certificate : {shown(direct), shown(below, &between)}) {
    const Owned<SSL> server = asking_server();
    EXPECT_EQ(failure(server.get(), "a.example", &certificate), "");
    const Owned<X509> seen(SSL_get1_peer_certificate(server.get()));
    ASSERT_NE(seen, nullptr);
    char subject[100];
    X509_NAME_oneline(X509_get_subject_name(seen.get()), subject, sizeof subject);
    EXPECT_EQ(std::string(subject).substr(0, 6), "/CN=us");
  }
}

TEST(Upstream, SaysThatAClientCertificateIsMissingOrRefused) {
  EXPECT_EQ(failure(asking_server().get(), "a.example"), "a.example wants a client certificate");
  const ClientCertificate unknown = shown(make_certificate({.common_name = "us"}));
  EXPECT_EQ(failure(asking_server().get(), "a.example", &unknown),
            "a.example refused the client certificate");
}

TEST(Upstream, RefusesAClientCertificateThatCannotBeUsed) {
  const Certificate one = signed_by_root({});
  const Certificate two = signed_by_root({});
  const auto code = [](std::string chain, std::string key) {
    const ClientCertificate certificate{std::move(chain), Secret(std::move(key))};
    const auto made = upstream().client_end("a.example", &certificate);
    return made.ok() ? 0 : made.error().sys_errno;
  };
  EXPECT_EQ(code(one.pem(), one.key_pem()), 0);
  EXPECT_EQ(code(one.pem(), two.key_pem()), EINVAL);
  EXPECT_EQ(code(one.pem(), one.key_pem("password")), EINVAL);
  EXPECT_EQ(code(one.pem(), ""), EINVAL);
  EXPECT_EQ(code("", one.key_pem()), EINVAL);
  EXPECT_EQ(code(one.pem().substr(0, 200), one.key_pem()), EINVAL);
  std::string many;
  for (size_t i = 0; i <= Upstream::kMaxChain; ++i)
    many += one.pem();
  EXPECT_EQ(code(many, one.key_pem()), EINVAL);
}

TEST(Upstream, IsOfCanonicalNamesOnly) {
  for (const char* name : {"", "A.example", "a.example.", "192.0.2.1"}) {
    const auto made = upstream().client_end(name, nullptr);
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().sys_errno, EINVAL);
  }
}

TEST(Upstream, NeedsRootsThatCanBeRead) {
  EXPECT_FALSE(Upstream::create("").ok());
  EXPECT_FALSE(Upstream::create("no certificate\n").ok());
  std::string damaged = root().pem();
  damaged[100] = '*';
  EXPECT_FALSE(Upstream::create(damaged).ok());
  EXPECT_FALSE(Upstream::create(root().pem() + damaged).ok());
  EXPECT_TRUE(Upstream::create("a comment\n" + root().pem() + "\nanother\n").ok());
}

TEST(Upstream, TrustsTheSystemsRootsAndACompanysOwn) {
  std::ifstream file("/etc/ssl/certs/ca-certificates.crt");
  std::stringstream system;
  system << file.rdbuf();
  ASSERT_GT(system.str().size(), 1000U);  // ca-certificates: libcurl's and git's own need
  const Upstream both = upstream(system.str() + root().pem());
  const Owned<SSL> server = make_server(signed_by_root({.san = "DNS:a.example"}));
  const auto client = both.client_end("a.example", nullptr);
  EXPECT_TRUE(shake_hands(client.value().get(), server.get()).client);
}

}  // namespace
}  // namespace carrel::gateway
