// Client certificates, read back by the openssl program, which also makes the authorities.

#include "broker/service/credentials/certificate.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "broker/service/credentials/issuer.h"
#include "profiles/base/text.h"
#include "tests/support/folder.h"

namespace carrel::credentials {
namespace {

constexpr const char* kAuthority =
    " -subj '/O=Team/CN=Team CA' -addext basicConstraints=critical,CA:TRUE"
    " -addext keyUsage=critical,keyCertSign";

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Certify : public testing::Test {
 protected:
  /// Runs it in the folder; what it wrote on both streams.
  std::string run(const std::string& command, int expected = 0) {
    const int code =
        system(("cd " + folder.path() + " && { " + command + "; } > out 2>&1").c_str());
    EXPECT_EQ(code == 0, expected == 0) << command << "\n" << read(folder / "out");
    return read(folder / "out");
  }
  /// An authority that is valid from now on for so many days.
  void make_authority(const std::string& algorithm, const std::string& more = kAuthority,
                      int days = 30) {
    run("openssl req -x509 -newkey " + algorithm + " -nodes -keyout ca.key -out ca.pem -days " +
        std::to_string(days) + more);
  }
  Secret authority() { return Secret(read(folder / "ca.key") + read(folder / "ca.pem")); }
  static CertificateTerms terms(uint64_t life_s = 120) {
    const auto now = static_cast<uint64_t>(time(nullptr));
    return {"carrel:01hzx00000000000000000000a:01hzx00000000000000000000b",
            std::string("\xFF") + std::string(14, '\x02') + "\x01", now - 30, now + life_s};
  }
  void write(const ClientCertificate& client) {
    std::ofstream(folder / "client.pem") << client.chain;
    std::ofstream(folder / "client.key") << client.private_key.expose();
  }
  std::string refusal(const Secret& pem, const CertificateTerms& wanted = terms()) {
    const auto made = certify_client(pem, wanted);
    return made.ok() ? "" : made.error().what;
  }

  support::Folder folder;
};

TEST_F(Certify, MakesWhatOpensslBelieves) {
  for (const char* algorithm : {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384", "ed25519"}) {
    make_authority(algorithm);
    const auto client = certify_client(authority(), terms());
    ASSERT_TRUE(client.ok()) << algorithm << ": " << client.error().what;
    write(client.value());
    EXPECT_EQ(run("openssl verify -x509_strict -purpose sslclient -CAfile ca.pem client.pem"),
              "client.pem: OK\n");
    run("openssl verify -purpose sslserver -CAfile ca.pem client.pem", 1);
    EXPECT_EQ(run("openssl x509 -in client.pem -noout -pubkey"),
              run("openssl pkey -in client.key -pubout"));
    const std::string text = run("openssl x509 -in client.pem -noout -text");
    for (const char* part :
         {"Subject: CN = carrel:01hzx00000000000000000000a:01hzx00000000000000000000b\n",
          "Issuer: O = Team, CN = Team CA\n",
          "URI:carrel:01hzx00000000000000000000a:", "TLS Web Client Authentication", "CA:FALSE",
          "NIST CURVE: P-256", "ff:02:02:02:02:02:02:02:02:02:02:02:02:02:02:01"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
    EXPECT_TRUE(client.value().private_key.expose().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    EXPECT_TRUE(client.value().chain.ends_with(read(folder / "ca.pem")));
  }
}

TEST_F(Certify, TakesKeyAndCertificateInAnyOrder) {
  make_authority("ed25519");
  EXPECT_EQ(refusal(Secret(read(folder / "ca.pem") + read(folder / "ca.key"))), "");
}

TEST_F(Certify, NeverNamesNobody) {
  make_authority("ed25519");
  ASSERT_EQ(refusal(authority()), "");
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("a b"), std::string("a,URI:b"),
        std::string("a\0b", 3), std::string("a\n")}) {
    CertificateTerms wanted = terms();
    wanted.common_name = name;
    EXPECT_EQ(refusal(authority(), wanted), "the certificate's subject is empty or does not fit");
  }
  CertificateTerms zero = terms();
  zero.serial = std::string(16, '\0');
  EXPECT_EQ(refusal(authority(), zero), "the certificate's serial number");
  zero.serial = "";
  EXPECT_EQ(refusal(authority(), zero), "the certificate's serial number");
}

TEST_F(Certify, RefusesWhatIsNoAuthority) {
  make_authority("ed25519", " -subj /CN=x -addext basicConstraints=critical,CA:FALSE");
  const std::string no_ca =
      "the authority's certificate may sign no certificates (CA:TRUE, keyCertSign)";
  EXPECT_EQ(refusal(authority()), no_ca);
  make_authority("ed25519", " -subj /CN=x -addext keyUsage=critical,digitalSignature");
  EXPECT_EQ(refusal(authority()), no_ca);
  make_authority("ed25519");
  EXPECT_EQ(refusal(Secret(read(folder / "ca.pem"))),
            "the authority's file holds no private key in PEM without a passphrase");
  EXPECT_EQ(refusal(Secret(read(folder / "ca.key"))),
            "the authority's file holds no certificate in PEM");
  EXPECT_EQ(refusal(Secret()),
            "the authority's file holds no private key in PEM without a passphrase");
  run("openssl pkey -in ca.key -aes128 -passout pass:x -out locked.key");
  EXPECT_EQ(refusal(Secret(read(folder / "locked.key") + read(folder / "ca.pem"))),
            "the authority's file holds no private key in PEM without a passphrase");
  const std::string first = read(folder / "ca.pem");
  make_authority("ed25519");
  EXPECT_EQ(refusal(Secret(read(folder / "ca.key") + first)),
            "the authority's first certificate is not its private key's");
}

TEST_F(Certify, StaysWithinTheAuthoritysTime) {
  make_authority("ed25519", kAuthority, 1);
  EXPECT_EQ(refusal(authority(), terms(2 * 86400)),
            "the authority's certificate ends before the new one would: renew it");
  CertificateTerms past = terms();
  past.not_before -= 86400;
  past.not_after -= 86400;
  EXPECT_EQ(refusal(authority(), past), "the authority's certificate is not valid yet");
  // The 30 seconds before now, for slow clocks, are before this authority began.
  const auto client = certify_client(authority(), terms());
  ASSERT_TRUE(client.ok());
  write(client.value());
  run("openssl verify -CAfile ca.pem client.pem");
  EXPECT_EQ(run("openssl x509 -in client.pem -noout -startdate"),
            run("openssl x509 -in ca.pem -noout -startdate"));
  CertificateTerms backwards = terms();
  std::swap(backwards.not_before, backwards.not_after);
  EXPECT_EQ(refusal(authority(), backwards), "the certificate's times");
}

TEST_F(Certify, IsWhatAnX509LeaseIs) {
  make_authority("ed25519");
  const auto seed = Secret(std::string(32, 't'));
  const Issuer issuer("carrel.test", evidence::SigningKey::from_seed(seed).take(),
                      {[] { return static_cast<uint64_t>(time(nullptr)) * 1'000'000'000; },
                       [](size_t n) { return Result<std::string>(std::string(n, '\x01')); }});
  Holder holder;
  holder.session = "01hzx00000000000000000000a";
  holder.grants = {{"db", "", 60, Kind::kX509, "ca:team"}};
  const Lease lease = issuer.lease(holder, "db", authority()).take();
  EXPECT_TRUE(lease.secret.empty());
  std::ofstream(folder / "client.pem") << lease.certificate;
  EXPECT_EQ(run("openssl x509 -in client.pem -noout -subject"),
            "subject=CN = carrel:01hzx00000000000000000000a:" + lease.id + "\n");
  EXPECT_NE(lease.private_key.expose().find("PRIVATE KEY"), std::string::npos);
  // No second longer than the lease.
  EXPECT_EQ(run("date -u -d \"$(openssl x509 -in client.pem -noout -enddate | cut -d= -f2)\" +%s"),
            std::to_string(lease.not_after) + "\n");
  EXPECT_EQ(issuer.lease(holder, "db", Secret("x")).error().what,
            "credential db: the authority's file holds no private key in PEM without a "
            "passphrase");
}

}  // namespace
}  // namespace carrel::credentials
