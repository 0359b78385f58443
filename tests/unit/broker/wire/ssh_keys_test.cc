#include <gtest/gtest.h>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/ssh/keys.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/wire/ssh_tool.h"

namespace carrel::ssh {
namespace {

KeyPair pair(char fill = 'h') {
  return KeyPair::from_seed(Secret(std::string(32, fill))).take();
}

std::string line(std::string_view comment = "carrel") {
  return to_public_line(pair().key.public_key(), comment).take();
}

std::string file(std::string_view comment = "carrel") {
  return std::string(to_private_file(pair(), comment).take().expose());
}

std::string blob_of(const std::string& text) {
  return *from_base64(text);
}

std::string with_blob(const std::string& blob) {
  return "ssh-ed25519 " + to_base64(blob);
}

TEST(SshPublicKey, IsTheseBytes) {
  const std::string text = line();
  ASSERT_TRUE(text.starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
  ASSERT_TRUE(text.ends_with(" carrel"));
  const std::string blob = blob_of(text.substr(12, text.size() - 12 - 7));
  ASSERT_EQ(blob.size(), 4 + 11 + 4 + 32U);
  EXPECT_EQ(to_hex(blob.substr(0, 4)), "0000000b");
  EXPECT_EQ(blob.substr(4, 11), "ssh-ed25519");
  EXPECT_EQ(to_hex(blob.substr(15, 4)), "00000020");
  EXPECT_EQ(blob.substr(19), evidence::as_view(pair().key.public_key()));
  EXPECT_EQ(line(""), text.substr(0, text.size() - 7));
}

TEST(SshPublicKey, IsReadBackWithAndWithoutAComment) {
  const std::string most(kMaxComment, 'c');
  for (const std::string& text : {line(), line(""), line() + "\n", line("two words"), line(most)}) {
    const auto read = parse_public_line(text);
    ASSERT_TRUE(read.ok()) << to_string(read.error());
    EXPECT_EQ(read.value(), pair().key.public_key());
  }
}

TEST(SshPublicKey, OfAnotherSpellingIsRefused) {
  const std::string good = line("");
  std::string other_type = good;
  other_type.replace(0, 11, "ssh-ed25518");
  const std::string blob = blob_of(good.substr(12));
  std::string wrong_inside = blob;
  wrong_inside[14] = '8';
  std::string long_length = blob;
  long_length[15] = '\xff';
  for (const std::string& text : {std::string(),
                                  std::string("ssh-ed25519"),
                                  std::string("ssh-ed25519 "),
                                  " " + good,
                                  "no-pty " + good,
                                  good + "=",
                                  good + "\n\n",
                                  good + "\r\n",
                                  good + " a\nb",
                                  good + " \x1b",
                                  "ssh-ed25519  " + good.substr(12),
                                  "ssh-ed25519\t" + good.substr(12),
                                  good.substr(0, good.size() - 1),
                                  other_type,
                                  with_blob(wrong_inside),
                                  with_blob(long_length),
                                  with_blob(blob + "x"),
                                  with_blob(blob.substr(0, 50)),
                                  with_blob(""),
                                  good + std::string(kMaxKeyLine, ' '),
                                  good + " " + std::string(kMaxComment + 1, 'c')}) {
    EXPECT_FALSE(parse_public_line(text).ok()) << quoted(text);
  }
}

TEST(SshPublicKey, HasNoCommentThatBreaksItsLine) {
  const PublicKey key = pair().key.public_key();
  for (const std::string& comment :
       {std::string("a\nb"), std::string("\t"), std::string("\xc3\xa4"), std::string(1, '\0'),
        std::string(kMaxComment + 1, 'c')}) {
    EXPECT_FALSE(to_public_line(key, comment).ok()) << quoted(comment);
    EXPECT_FALSE(to_private_file(pair(), comment).ok()) << quoted(comment);
  }
}

TEST(SshPrivateKey, IsTheseBytes) {
  const std::string text = file();
  ASSERT_TRUE(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
  ASSERT_TRUE(text.ends_with("\n-----END OPENSSH PRIVATE KEY-----\n"));
  std::string base64;
  for (size_t at = 36; at < text.size() - 34; at += 71) {
    const size_t end = text.find('\n', at);
    ASSERT_LE(end - at, 70U);
    base64 += text.substr(at, end - at);
  }
  const std::string blob = blob_of(base64);
  const std::string key(evidence::as_view(pair().key.public_key()));
  EXPECT_EQ(blob.substr(0, 15), std::string("openssh-key-v1\0", 15));
  EXPECT_EQ(to_hex(blob.substr(15, 20)),
            "000000046e6f6e65"
            "000000046e6f6e65"
            "00000000");
  EXPECT_EQ(to_hex(blob.substr(35, 8)),
            "00000001"
            "00000033");
  EXPECT_EQ(blob.substr(43, 51), to_blob(pair().key.public_key()));
  EXPECT_EQ(to_hex(blob.substr(94, 4)), "00000090");
  const std::string inner = blob.substr(98);
  ASSERT_EQ(inner.size(), 0x90U);
  EXPECT_EQ(inner.substr(0, 4), inner.substr(4, 4));
  EXPECT_EQ(inner.substr(8, 51), to_blob(pair().key.public_key()));
  EXPECT_EQ(to_hex(inner.substr(59, 4)), "00000040");
  EXPECT_EQ(inner.substr(63, 64), std::string(32, 'h') + key);
  EXPECT_EQ(to_hex(inner.substr(127, 4)), "00000006");
  EXPECT_EQ(inner.substr(131, 6), "carrel");
  EXPECT_EQ(to_hex(inner.substr(137)), "01020304050607");
}

TEST(SshPrivateKey, IsReadBackWithEveryPadding) {
  for (size_t size = 0; size < 20; ++size) {
    const auto read = parse_private_file(file(std::string(size, 'c')));
    ASSERT_TRUE(read.ok()) << size;
    EXPECT_EQ(read.value().seed.expose(), std::string(32, 'h'));
    EXPECT_EQ(read.value().key.public_key(), pair().key.public_key());
  }
}

TEST(SshPrivateKey, WithAnyByteFlippedIsRefusedOrTheSame) {
  const std::string good = file();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const auto read = parse_private_file(bad);
    // The check numbers and the comment alone say nothing of the key.
    if (!read.ok()) continue;
    EXPECT_EQ(read.value().key.public_key(), pair().key.public_key()) << i;
  }
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse_private_file(good.substr(0, size)).ok()) << size;
  EXPECT_FALSE(parse_private_file(good + "\n").ok());
  EXPECT_FALSE(parse_private_file(good + std::string(kMaxKeyFile, '\n')).ok());
  EXPECT_FALSE(
      parse_private_file("-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n")
          .ok());
}

TEST(SshPrivateKey, OfASeedOfAnotherSizeIsNone) {
  EXPECT_FALSE(KeyPair::from_seed(Secret(std::string(31, 'h'))).ok());
  EXPECT_FALSE(KeyPair::from_seed(Secret()).ok());
}

TEST(SshPrivateKey, IsNewEachTime) {
  const KeyPair one = KeyPair::generate().take();
  const KeyPair two = KeyPair::generate().take();
  EXPECT_NE(one.key.public_key(), two.key.public_key());
}

TEST(SshTools, ReadBothHalvesOfAKey) {
  const support::Folder folder;
  const KeyPair made = KeyPair::generate().take();
  const std::string path =
      write_file(folder, "key", to_private_file(made, "carrel host").take().expose());
  const std::string text = to_public_line(made.key.public_key(), "carrel host").take() + "\n";
  EXPECT_EQ(ssh_keygen("-y -f " + path), text);
  const std::string of_public = ssh_keygen("-l -f " + write_file(folder, "key.pub", text));
  EXPECT_TRUE(of_public.starts_with("256 SHA256:") &&
              of_public.ends_with(" carrel host (ED25519)\n"))
      << of_public;
  EXPECT_EQ(ssh_keygen("-l -f " + path), of_public);
}

TEST(SshTools, WriteWhatIsReadHere) {
  const support::Folder folder;
  (void)ssh_keygen("-q -t ed25519 -N '' -C 'a comment' -f " + (folder / "key"));
  const auto slurp = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const auto read = parse_private_file(slurp(folder / "key"));
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  const auto shown = parse_public_line(slurp(folder / "key.pub"));
  ASSERT_TRUE(shown.ok()) << to_string(shown.error());
  EXPECT_EQ(read.value().key.public_key(), shown.value());
  (void)ssh_keygen("-q -t ed25519 -N secret -f " + (folder / "locked"));
  EXPECT_EQ(parse_private_file(slurp(folder / "locked")).error().what,
            "ssh key: the private key is encrypted; give one without a passphrase");
  (void)ssh_keygen("-q -t ecdsa -N '' -f " + (folder / "other"));
  EXPECT_FALSE(parse_private_file(slurp(folder / "other")).ok());
  EXPECT_FALSE(parse_public_line(slurp(folder / "other.pub")).ok());
}

}  // namespace
}  // namespace carrel::ssh
