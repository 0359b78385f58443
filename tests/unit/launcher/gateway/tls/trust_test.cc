// Files and variables of trust, read back by OpenSSL and by Java's own keytool.

#include "launcher/gateway/tls/trust.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "launcher/gateway/tls/authority.h"
#include "launcher/gateway/tls/upstream.h"
#include "tests/support/require.h"
#include "tests/unit/launcher/gateway/tls/handshake.h"

namespace carrel::gateway {
namespace {

constexpr int64_t kNowS = 1'795'000'000;
constexpr const char* kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}
std::string output_of(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::string out;
  char buffer[4096];
  for (size_t size = 0; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    out.append(buffer, size);
  pclose(pipe);
  return out;
}
/// A file that goes with the test.
struct File {
  explicit File(const std::string& content) {
    const int fd = mkstemp(path.data());
    EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { unlink(path.c_str()); }
  std::string path = testing::TempDir() + "carrel_trust_XXXXXX";
};

std::string authority_pem() {
  static const std::string made = Authority::create({.session = "01J0SESSION",
                                                     .names = {"a.example"},
                                                     .now_s = time(nullptr),
                                                     .valid_s = 3600})
                                      .take()
                                      .pem();
  return made;
}
SystemRoots roots_of(const std::string& pem) {
  auto parsed = SystemRoots::parse(pem);
  EXPECT_TRUE(parsed.ok()) << to_string(parsed.error());
  return parsed.take();
}
std::string two_roots() {
  static const std::string made = make_certificate({.common_name = "one", .ca = true}).pem() +
                                  make_certificate({.common_name = "two", .ca = true}).pem();
  return made;
}

TEST(Trust, TheBundleIsAllRootsAndTheAuthority) {
  const SystemRoots roots = roots_of("a comment\n" + two_roots());
  EXPECT_EQ(roots.size(), 2U);
  const std::string bundle = roots.bundle(authority_pem());
  EXPECT_EQ(bundle, "a comment\n" + two_roots() + authority_pem());
  EXPECT_EQ(read_certificates(bundle, 3).take().size(), 3U);
}

TEST(Trust, ABundleWithoutALineFeedAtItsEndStaysReadable) {
  std::string roots = two_roots();
  roots.pop_back();
  EXPECT_EQ(read_certificates(roots_of(roots).bundle(authority_pem()), 3).take().size(), 3U);
}

TEST(Trust, ABundleThatIsNoneIsRefused) {
  EXPECT_FALSE(SystemRoots::parse("").ok());
  EXPECT_FALSE(SystemRoots::parse("nothing\n").ok());
  EXPECT_FALSE(SystemRoots::parse(two_roots().substr(0, two_roots().size() - 40)).ok());
  EXPECT_FALSE(SystemRoots::parse(two_roots() + make_certificate({}).key_pem()).ok());
  std::string cut = two_roots();
  cut.erase(cut.find('\n', 100), 65);  // a line less: base64 all the same
  EXPECT_FALSE(SystemRoots::parse(cut).ok());
  const SystemRoots roots = roots_of(two_roots());
  EXPECT_FALSE(roots.java_store("", kNowS).ok());
  EXPECT_FALSE(roots.java_store(two_roots(), kNowS).ok());  // one authority
  EXPECT_FALSE(hashed_name("").ok());
}

TEST(Trust, TheHashedNameIsThatOfTheOpensslProgram) {
  const File file(authority_pem());
  const std::string hash = output_of("openssl x509 -noout -hash -in " + file.path);
  ASSERT_EQ(hash.size(), 9U) << hash;
  EXPECT_EQ(hashed_name(authority_pem()).take(), hash.substr(0, 8) + ".0");
}

uint64_t number_at(const std::string& bytes, size_t at, size_t size) {
  uint64_t out = 0;
  for (size_t i = at; i < at + size; ++i)
    out = out << 8 | static_cast<unsigned char>(bytes.at(i));
  return out;
}

/// Takes "length of 2 bytes, text" at `at`.
std::string text_at(const std::string& bytes, size_t& at) {
  const size_t size = number_at(bytes, at, 2);
  at += 2 + size;
  return bytes.substr(at - size, size);
}

TEST(Trust, TheJavaStoreIsAsItsFormatSays) {
  const std::string store = roots_of(two_roots()).java_store(authority_pem(), kNowS).take();
  EXPECT_EQ(number_at(store, 0, 4), 0xFEEDFEEDU);
  EXPECT_EQ(number_at(store, 4, 4), 2U);
  ASSERT_EQ(number_at(store, 8, 4), 3U);
  size_t at = 12;
  std::vector<std::string> aliases;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(number_at(store, at, 4), 2U);
    at += 4;
    aliases.push_back(text_at(store, at));
    EXPECT_EQ(number_at(store, at, 8), static_cast<uint64_t>(kNowS) * 1000);
    at += 8;
    EXPECT_EQ(text_at(store, at), "X.509");
    const size_t size = number_at(store, at, 4);
    const auto* der = reinterpret_cast<const unsigned char*>(store.data() + at + 4);
    EXPECT_NE(Owned<X509>(d2i_X509(nullptr, &der, static_cast<long>(size))), nullptr);
    at += 4 + size;
  }
  EXPECT_EQ(aliases, (std::vector<std::string>{"carrel-session", "system-0", "system-1"}));
  ASSERT_EQ(store.size(), at + 20);
  std::string hashed;
  for (const char c : kStorePassword)
    hashed += {'\0', c};
  hashed += "Mighty Aphrodite" + store.substr(0, at);
  unsigned char digest[20];
  EVP_Digest(hashed.data(), hashed.size(), digest, nullptr, EVP_sha1(), nullptr);
  EXPECT_EQ(store.substr(at), std::string(reinterpret_cast<const char*>(digest), 20));
}

TEST(Trust, TheSystemsRootsAreTrustedTogetherWithTheAuthority) {
  const std::string system = content_of(kSystemBundle);
  const SystemRoots roots = roots_of(system);
  EXPECT_GT(roots.size(), 50U);
  Authority authority =
      Authority::create(
          {.session = "s", .names = {"a.example"}, .now_s = time(nullptr), .valid_s = 3600})
          .take();
  const auto believes = [&](const std::string& bundle) {
    const auto upstream = Upstream::create(bundle);
    const Owned<SSL> client = upstream.value().client_end("a.example", nullptr).take();
    const Owned<SSL> server = authority.server_end("a.example", time(nullptr)).take();
    return shake_hands(client.get(), server.get()).client;
  };
  EXPECT_TRUE(believes(roots.bundle(authority.pem())));
  EXPECT_FALSE(believes(system));
}

TEST(Trust, KeytoolReadsTheJavaStore) {
  REQUIRE_FEATURE("keytool", !output_of("command -v keytool").empty());
  const SystemRoots roots = roots_of(content_of(kSystemBundle));
  const std::string store = roots.java_store(authority_pem(), kNowS).take();
  const File file(store);
  const std::string list = "keytool -J-Duser.language=en -list -storetype JKS -storepass ";
  const std::string listed = output_of(list + "changeit -keystore " + file.path);
  EXPECT_NE(listed.find("contains " + std::to_string(roots.size() + 1) + " entries"),
            std::string::npos)
      << listed;
  EXPECT_NE(listed.find("carrel-session, "), std::string::npos);
}

}  // namespace
}  // namespace carrel::gateway
