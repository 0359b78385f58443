#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/ssh/certificate.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/wire/ssh_tool.h"

namespace carrel::ssh {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kNow = 1'700'000'000;  // 2023-11-14T22:13:20
constexpr std::string_view kType = "ssh-ed25519-cert-v01@openssh.com";

KeyPair pair(char fill) {
  return KeyPair::from_seed(Secret(std::string(32, fill))).take();
}

Certificate sample() {
  Certificate certificate;
  certificate.key = pair('u').key.public_key();
  certificate.nonce = std::string(kNonceBytes, 'n');
  certificate.serial = 7;
  certificate.key_id = "carrel:01hzw00000000000000000000a:local:1000";
  certificate.principals = {"01hzw00000000000000000000a"};
  certificate.valid_after_s = kNow - 60;
  certificate.valid_before_s = kNow + 300;
  return certificate;
}

std::string made(const Certificate& certificate) {
  return to_certificate_line(certificate, pair('a').key).take();
}

std::string refusal(const Certificate& certificate) {
  const auto line = to_certificate_line(certificate, pair('a').key);
  return line.ok() ? "made" : line.error().what;
}

std::string bytes_of(const std::string& line) {
  return *from_base64(line.substr(kType.size() + 1));
}

TEST(SshCertificate, IsTheseBytes) {
  const std::string line = made(sample());
  ASSERT_TRUE(line.starts_with(std::string(kType) + " "));
  const std::string bytes = bytes_of(line);
  EXPECT_EQ(to_hex(bytes.substr(0, 4)), "00000020");
  EXPECT_EQ(bytes.substr(4, 32), kType);
  EXPECT_EQ(to_hex(bytes.substr(36, 4)), "00000020");
  EXPECT_EQ(bytes.substr(40, 32), std::string(32, 'n'));
  EXPECT_EQ(to_hex(bytes.substr(72, 4)), "00000020");
  EXPECT_EQ(bytes.substr(76, 32), evidence::as_view(pair('u').key.public_key()));
  EXPECT_EQ(to_hex(bytes.substr(108, 12)),
            "0000000000000007"
            "00000001");
  EXPECT_EQ(to_hex(bytes.substr(120, 4)), "0000002c");
  EXPECT_EQ(bytes.substr(124, 44), sample().key_id);
  EXPECT_EQ(to_hex(bytes.substr(168, 8)),
            "0000001e"
            "0000001a");
  EXPECT_EQ(bytes.substr(176, 26), sample().principals[0]);
  EXPECT_EQ(to_hex(bytes.substr(202, 16)),
            "000000006553f0c4"
            "000000006553f22c");
  EXPECT_EQ(to_hex(bytes.substr(218, 4)), "00000000");
  EXPECT_EQ(to_hex(bytes.substr(222, 8)),
            "00000030"
            "00000016");
  EXPECT_EQ(bytes.substr(230, 22), "permit-port-forwarding");
  EXPECT_EQ(to_hex(bytes.substr(252, 8)),
            "00000000"
            "0000000a");
  EXPECT_EQ(bytes.substr(260, 10), "permit-pty");
  EXPECT_EQ(to_hex(bytes.substr(270, 12)),
            "00000000"
            "00000000"
            "00000033");
  EXPECT_EQ(bytes.substr(282, 51), to_blob(pair('a').key.public_key()));
  EXPECT_EQ(to_hex(bytes.substr(333, 8)),
            "00000053"
            "0000000b");
  EXPECT_EQ(bytes.substr(341, 11), "ssh-ed25519");
  EXPECT_EQ(to_hex(bytes.substr(352, 4)), "00000040");
  ASSERT_EQ(bytes.size(), 356 + 64U);
  EXPECT_TRUE(evidence::verify_signature(pair('a').key.public_key(), bytes.substr(0, 333),
                                         evidence::to_array<64>(bytes.substr(356))));
}

TEST(SshCertificate, IsWhatSshKeygenShows) {
  const support::Folder folder;
  Certificate certificate = sample();
  certificate.principals.emplace_back("second");
  const std::string shown =
      ssh_keygen("-L -f " + write_file(folder, "cert", made(certificate) + "\n"));
  EXPECT_THAT(shown, HasSubstr("Type: ssh-ed25519-cert-v01@openssh.com user certificate\n"));
  EXPECT_THAT(shown, HasSubstr("(using ssh-ed25519)\n"));
  EXPECT_THAT(shown, HasSubstr("Key ID: \"" + certificate.key_id + "\"\n"));
  EXPECT_THAT(shown, HasSubstr("Serial: 7\n"));
  EXPECT_THAT(shown, HasSubstr("Valid: from 2023-11-14T22:12:20 to 2023-11-14T22:18:20\n"));
  EXPECT_THAT(shown, HasSubstr("Principals: \n"
                               "                01hzw00000000000000000000a\n"
                               "                second\n"
                               "        Critical Options: (none)\n"
                               "        Extensions: \n"
                               "                permit-port-forwarding\n"
                               "                permit-pty\n"));
  const std::string authority =
      write_file(folder, "ca.pub", to_public_line(pair('a').key.public_key(), "").take() + "\n");
  const std::string print = ssh_keygen("-l -f " + authority).substr(4, 50);
  EXPECT_THAT(shown, HasSubstr("Signing CA: ED25519 " + print));
}

TEST(SshCertificate, IsReadByKey) {
  const std::string line = made(sample());
  const PublicKey key = pair('u').key.public_key();
  EXPECT_TRUE(is_certificate_of(line, key));
  EXPECT_FALSE(is_certificate_of(line, pair('a').key.public_key()));
  EXPECT_FALSE(is_certificate_of(line + "\n", key));
  EXPECT_FALSE(is_certificate_of(line + " comment", key));
  EXPECT_FALSE(is_certificate_of(" " + line, key));
  EXPECT_FALSE(is_certificate_of("", key));
  EXPECT_FALSE(is_certificate_of(kType, key));
  EXPECT_FALSE(is_certificate_of(to_public_line(key, "").take(), key));
  EXPECT_FALSE(
      is_certificate_of(std::string(kType) + " " + to_base64(bytes_of(line).substr(0, 100)), key));
  EXPECT_FALSE(is_certificate_of(line + std::string(kMaxCertificateLine, 'A'), key));
}

TEST(SshCertificate, NamesSomebody) {
  Certificate bad = sample();
  bad.principals.clear();
  EXPECT_EQ(refusal(bad), "ssh certificate: without principals it would be anybody's");
  bad.principals.assign(kMaxPrincipals, "p");
  EXPECT_EQ(refusal(bad), "made");
  bad.principals.emplace_back("p");
  EXPECT_EQ(refusal(bad), "ssh certificate: more than 256 principals");
  for (const std::string& name :
       {std::string(), std::string("a,b"), std::string("a b"), std::string("a\n"),
        std::string("a\0b", 3), std::string("\xc3\xa4"), std::string(kMaxName + 1, 'p')}) {
    bad.principals = {"good", name};
    EXPECT_EQ(refusal(bad),
              "ssh certificate: a principal is no name of 1 to 256 printable characters")
        << quoted(name);
    bad.principals = {"good"};
    bad.key_id = name;
    EXPECT_EQ(refusal(bad),
              "ssh certificate: its key id is no name of 1 to 256 printable characters")
        << quoted(name);
    bad = sample();
  }
}

TEST(SshCertificate, LivesForMinutes) {
  Certificate bad = sample();
  bad.valid_before_s = bad.valid_after_s + kMaxLifeS;
  EXPECT_EQ(refusal(bad), "made");
  ++bad.valid_before_s;
  EXPECT_EQ(refusal(bad), "ssh certificate: it lives longer than 10 minutes");
  bad.valid_before_s = UINT64_MAX;
  EXPECT_EQ(refusal(bad), "ssh certificate: it lives longer than 10 minutes");
  bad.valid_before_s = bad.valid_after_s;
  EXPECT_EQ(refusal(bad), "ssh certificate: it ends before it begins");
  bad.valid_before_s = 0;
  EXPECT_EQ(refusal(bad), "ssh certificate: it ends before it begins");
}

TEST(SshCertificate, HasANonceAndASerial) {
  Certificate bad = sample();
  bad.nonce.pop_back();
  EXPECT_EQ(refusal(bad), "ssh certificate: its nonce is not 32 bytes");
  bad = sample();
  bad.serial = 0;
  EXPECT_EQ(refusal(bad), "ssh certificate: serial 0 cannot be revoked");
}

}  // namespace
}  // namespace carrel::ssh
