// Hellos as OpenSSL's own client writes them, and as a hostile workspace may.

#include "launcher/gateway/tls/client_hello.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <random>

namespace carrel::gateway {
namespace {

using Bytes = std::string;
using State = ClientHelloReader::State;

Bytes number(size_t value, size_t bytes) {
  Bytes out;
  for (size_t i = bytes; i-- > 0;)
    out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}
Bytes counted(const Bytes& bytes, size_t length_bytes) {
  return number(bytes.size(), length_bytes) + bytes;
}

struct Wanted {
  const char* sni = "www.example.org";
  Bytes alpn = counted("h2", 1) + counted("http/1.1", 1);
  int highest = TLS1_3_VERSION;
};

/// The first flight of OpenSSL's client.
Bytes real_hello(const Wanted& wanted) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), wanted.highest);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  if (wanted.sni != nullptr) {
    std::string name = wanted.sni;
    EXPECT_EQ(
        SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()),
        1);
  }
  if (!wanted.alpn.empty()) {
    const auto* alpn = reinterpret_cast<const unsigned char*>(wanted.alpn.data());
    EXPECT_EQ(SSL_set_alpn_protos(ssl.get(), alpn, static_cast<unsigned>(wanted.alpn.size())), 0);
  }
  EXPECT_EQ(SSL_connect(ssl.get()), -1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  return Bytes(data, static_cast<size_t>(size));
}

/// The handshake bytes of whole records.
Bytes without_records(Bytes raw) {
  Bytes message;
  while (!raw.empty()) {
    const size_t size =
        static_cast<unsigned char>(raw[3]) << 8 | static_cast<unsigned char>(raw[4]);
    message += raw.substr(5, size);
    raw.erase(0, 5 + size);
  }
  return message;
}

Bytes record(const Bytes& fragment, char type = 22) {
  return Bytes(1, type) + "\x03\x01" + counted(fragment, 2);
}
Bytes in_records(const Bytes& message, size_t size) {
  Bytes out;
  for (size_t at = 0; at < message.size(); at += size)
    out += record(message.substr(at, size));
  return out;
}

Bytes extension(size_t type, const Bytes& data) {
  return number(type, 2) + counted(data, 2);
}
Bytes sni_entry(const Bytes& name, size_t kind = 0) {
  return number(kind, 1) + counted(name, 2);
}
Bytes sni(const Bytes& name) {
  return extension(0, counted(sni_entry(name), 2));
}
Bytes head(const Bytes& ciphers = "\x13\x01") {
  return "\x03\x03" + Bytes(32, 'r') + Bytes(1, '\0') + counted(ciphers, 2) + Bytes("\1\0", 2);
}
Bytes message(const Bytes& body, char type = 1) {
  return Bytes(1, type) + counted(body, 3);
}
Bytes hello_with(const Bytes& extensions) {
  return record(message(head() + counted(extensions, 2)));
}

State read(const Bytes& raw) {
  ClientHelloReader reader;
  return reader.add(raw);
}
const ClientHello* as_hello(const State& state) {
  return std::get_if<ClientHello>(&state);
}
Bytes reason(const State& state) {
  if (const auto* refused = std::get_if<HelloRefusal>(&state)) {
    EXPECT_FALSE(refused->sentence.empty());
    return Bytes(refused->reason);
  }
  return as_hello(state) != nullptr ? "hello" : "more";
}
Bytes reason(const Bytes& raw) {
  return reason(read(raw));
}

TEST(ClientHello, OfARealClientIsRead) {
  const State state = read(real_hello({}));
  const ClientHello* hello = as_hello(state);
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->sni, "www.example.org");
  EXPECT_EQ(hello->alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(hello->versions.front(), 0x0304);
  EXPECT_FALSE(hello->has_ech);
  EXPECT_EQ(hello->fingerprint.substr(0, 4), "t13d");
  EXPECT_EQ(hello->fingerprint.substr(8, 2), "h2");
  EXPECT_EQ(hello->fingerprint.size(), 36U);
}

TEST(ClientHello, OfAnOlderClientHasItsVersion) {
  Wanted wanted;
  wanted.highest = TLS1_2_VERSION;
  wanted.alpn = "";
  const State state = read(real_hello(wanted));
  const ClientHello* hello = as_hello(state);
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->versions, (std::vector<uint16_t>{0x0303}));
  EXPECT_TRUE(hello->alpn.empty());
  EXPECT_EQ(hello->fingerprint.substr(0, 4), "t12d");
}

TEST(ClientHello, IsTheSameInRecordsAndReadsOfAnySize) {
  const Bytes raw = real_hello({});
  const State whole = read(raw);
  for (const size_t size : {1U, 2U, 3U, 4U, 5U, 100U}) {
    const Bytes cut = in_records(without_records(raw), size);
    ClientHelloReader reader;
    for (size_t i = 0; i + 1 < cut.size(); ++i)
      ASSERT_EQ(reason(reader.add(cut.substr(i, 1))), "more") << size << " " << i;
    const State last = reader.add(cut.substr(cut.size() - 1));
    ASSERT_EQ(reason(last), "hello") << size;
    EXPECT_EQ(as_hello(last)->sni, as_hello(whole)->sni);
    EXPECT_EQ(as_hello(last)->fingerprint, as_hello(whole)->fingerprint);
    EXPECT_EQ(reader.bytes(), cut);
  }
}

TEST(ClientHello, OfMoreThanOneRecordIsRead) {
  Wanted wanted;
  for (int i = 0; i < 80; ++i)
    wanted.alpn += counted(Bytes(255, 'a'), 1);
  const Bytes raw = real_hello(wanted);
  ASSERT_GT(raw.size(), 20'000U);
  const State state = read(raw);
  ASSERT_EQ(reason(state), "hello");
  EXPECT_EQ(as_hello(state)->alpn.size(), 82U);
  EXPECT_EQ(as_hello(state)->sni, "www.example.org");
}

TEST(ClientHello, MayBe64KiBWithItsRecordsAndNotOneByteMore) {
  const auto of_size = [](size_t padding) {
    return in_records(
        message(head() + counted(sni("a.example") + extension(21, Bytes(padding, '\0')), 2)),
        16384);
  };
  const size_t others = of_size(60'000).size() - 60'000;
  const size_t most = ClientHelloReader::kMaxBytes - others;
  ASSERT_EQ(of_size(most).size(), ClientHelloReader::kMaxBytes);
  EXPECT_EQ(reason(of_size(most)), "hello");
  EXPECT_EQ(reason(of_size(most + 1)), "too-long");
  EXPECT_EQ(reason(record("\x01" + number(0x10001, 3))), "too-long");  // known from its head
  ClientHelloReader reader;
  const Bytes cut = in_records(without_records(of_size(20'000)), 1);
  size_t at = 0;
  while (reason(reader.add(cut.substr(at, 1))) == "more")
    ++at;
  EXPECT_EQ(reason(reader.state()), "too-long");
  EXPECT_EQ(reader.bytes().size(), ClientHelloReader::kMaxBytes);
}

TEST(ClientHello, UpperCaseIsTheSameName) {
  Wanted wanted;
  wanted.sni = "WWW.Example.ORG";
  const State state = read(real_hello(wanted));
  ASSERT_EQ(reason(state), "hello");
  EXPECT_EQ(as_hello(state)->sni, "www.example.org");
}

TEST(ClientHello, WithoutAServerNameIsRefused) {
  Wanted wanted;
  wanted.sni = nullptr;
  EXPECT_EQ(reason(real_hello(wanted)), "sni-missing");
  EXPECT_EQ(reason(record(message(head()))), "sni-missing");  // no extensions at all
  EXPECT_EQ(reason(hello_with("")), "sni-missing");
}

TEST(ClientHello, WhatIsNoHostsNameIsRefused) {
  EXPECT_EQ(reason(hello_with(sni("a.example"))), "hello");
  const Bytes bad[] = {
      "192.0.2.1",  "2001:db8::1", "[2001:db8::1]", Bytes("a.example\0", 10),
      "a.example.", "a.example\n", "a example",     Bytes("a.ex\0.com", 9),
      ".a.example", "a..example",  "*.example.com", "a.example:443",
      "0x7f000001", "2130706433",  "b\xc3\xbc.org", Bytes(300, 'a'),
      "127.1",      "a.example/",  "\x01",          "a_b.example",
  };
  for (const Bytes& name : bad)
    EXPECT_EQ(reason(hello_with(sni(name))), "sni-bad") << name;
  EXPECT_EQ(reason(hello_with(extension(0, counted(sni_entry("a.example", 1), 2)))), "sni-bad");
  EXPECT_EQ(reason(hello_with(sni(""))), "sni-bad");
}

TEST(ClientHello, AServerNameThatDoesNotFitIsRefused) {
  EXPECT_EQ(reason(hello_with(extension(0, ""))), "malformed");
  EXPECT_EQ(reason(hello_with(extension(0, counted("", 2)))), "malformed");
  const Bytes entry = counted(sni_entry("a.example"), 2);
  EXPECT_EQ(reason(hello_with(extension(0, entry + "x"))), "malformed");
  EXPECT_EQ(reason(hello_with(extension(0, entry.substr(0, entry.size() - 1)))), "malformed");
}

TEST(ClientHello, WhatIsThereTwiceIsRefused) {
  const Bytes name = sni("a.example");
  const Bytes two = sni_entry("a.example") + sni_entry("b.example");
  EXPECT_EQ(reason(hello_with(extension(0, counted(two, 2)))), "repeated");
  EXPECT_EQ(reason(hello_with(extension(0, counted(sni_entry("a.example") + "x", 2)))), "repeated");
  EXPECT_EQ(reason(hello_with(name + sni("b.example"))), "repeated");
  EXPECT_EQ(reason(hello_with(name + name)), "repeated");
  EXPECT_EQ(reason(hello_with(name + extension(99, "") + extension(99, ""))), "repeated");
}

TEST(ClientHello, WhatIsNoTlsIsRefusedAtTheFirstByteThatSaysSo) {
  EXPECT_EQ(reason("G"), "not-tls");
  EXPECT_EQ(reason("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), "not-tls");
  EXPECT_EQ(reason("SSH-2.0-OpenSSH_9.2\r\n"), "not-tls");
  EXPECT_EQ(reason(Bytes("\x16\x02", 2)), "not-tls");
  EXPECT_EQ(reason(Bytes(1, '\0')), "not-tls");
  EXPECT_EQ(reason("\x17"), "more");  // the word is the same however it is cut
  EXPECT_EQ(reason("\x17\xee"), "not-tls");
  EXPECT_EQ(reason("\x17\x03"), "not-hello");
  EXPECT_EQ(reason("\xff\xff\xff"), "not-tls");
  const Bytes ssl2("\x80\x2e\x01\x03\x01", 5);
  EXPECT_EQ(reason(ssl2), "sslv2");
  EXPECT_EQ(reason(ssl2.substr(0, 2)), "more");
}

TEST(ClientHello, MustBeTheFirstMessage) {
  const Bytes good = message(head() + counted(sni("a.example"), 2));
  EXPECT_EQ(reason(record(good)), "hello");
  EXPECT_EQ(reason(record(Bytes("\2\x28", 2), 21) + record(good)), "not-hello");
  EXPECT_EQ(reason(record("\1", 20) + record(good)), "not-hello");
  EXPECT_EQ(reason(record("GET /", 23)), "not-hello");
  EXPECT_EQ(reason(record(message("", 0) + good)), "not-hello");
  EXPECT_EQ(reason(record(message(Bytes(40, 'x'), 2))), "not-hello");
  EXPECT_EQ(reason(record("\2")), "not-hello");
}

TEST(ClientHello, MustStandAlone) {
  const Bytes good = message(head() + counted(sni("a.example"), 2));
  const Bytes other = message(head() + counted(sni("b.example"), 2));
  EXPECT_EQ(reason(record(good + other)), "not-alone");
  EXPECT_EQ(reason(record(good + other.substr(0, 1))), "not-alone");
  EXPECT_EQ(reason(record(good) + record(other)), "not-alone");
  EXPECT_EQ(reason(record(good) + "\x16"), "not-alone");
  EXPECT_EQ(reason(real_hello({}) + real_hello({})), "not-alone");
}

TEST(ClientHello, EarlyDataMayFollowAndIsKept) {
  const Bytes raw =
      hello_with(sni("a.example") + extension(42, "")) + record("\1", 20) + record("early", 23);
  ClientHelloReader reader;
  EXPECT_EQ(reason(reader.add(raw)), "hello");
  EXPECT_EQ(reader.bytes(), raw);
  reader.add("more");
  EXPECT_EQ(reader.bytes(), raw);
}

TEST(ClientHello, RecordsThatDoNotFitAreRefused) {
  const Bytes good = message(head() + counted(sni("a.example"), 2));
  EXPECT_EQ(reason(record("")), "malformed");
  EXPECT_EQ(reason(record(good.substr(0, 9)) + record("") + record(good.substr(9))), "malformed");
  EXPECT_EQ(reason(record(good.substr(0, 9)) + record("x", 23)), "malformed");
  EXPECT_EQ(reason(record(good.substr(0, 9)) + Bytes("\x16\x02", 2)), "malformed");
  EXPECT_EQ(reason(record(Bytes(1, '\1') + Bytes(16'383, 'x'))), "too-long");
  EXPECT_EQ(reason("\x16\x03\x01" + number(16'385, 2)), "malformed");
}

TEST(ClientHello, ListsThatDoNotFitAreRefused) {
  const Bytes name = sni("a.example");
  const auto of = [&](const Bytes& more) { return reason(hello_with(name + more)); };
  EXPECT_EQ(of(extension(16, counted(counted("h2", 1), 2))), "hello");
  EXPECT_EQ(of(extension(16, "")), "malformed");
  EXPECT_EQ(of(extension(16, counted("", 2))), "malformed");
  EXPECT_EQ(of(extension(16, counted(counted("", 1), 2))), "malformed");
  EXPECT_EQ(of(extension(16, counted(counted("h2", 1), 2) + "x")), "malformed");
  EXPECT_EQ(of(extension(16, counted("\x09h2", 2))), "malformed");
  EXPECT_EQ(of(extension(43, counted("\x03\x04", 1))), "hello");
  EXPECT_EQ(of(extension(43, counted("", 1))), "malformed");
  EXPECT_EQ(of(extension(43, counted("\x03", 1))), "malformed");
  EXPECT_EQ(of(extension(13, counted("\x04", 2))), "malformed");
  EXPECT_EQ(of("x"), "malformed");
  EXPECT_EQ(of(number(99, 2) + number(2, 2) + "x"), "malformed");
  EXPECT_EQ(reason(record(message(head("\x13")))), "malformed");
  EXPECT_EQ(reason(record(message(head("")))), "malformed");
  EXPECT_EQ(reason(record(message(head() + counted(name, 2) + "x"))), "malformed");
  EXPECT_EQ(reason(record(message(Bytes("\x02\x00", 2) + head().substr(2) + counted(name, 2)))),
            "malformed");
  const Bytes body = head() + counted(name, 2);
  for (size_t size = 0; size < body.size(); ++size) {
    if (size == head().size()) continue;  // a hello without extensions
    EXPECT_EQ(reason(record(message(body.substr(0, size)))), "malformed") << size;
  }
}

TEST(ClientHello, LengthsOfAHeadThatDoNotFitAreRefused) {
  const Bytes id = Bytes(33, 'i');
  const Bytes long_id = "\x03\x03" + Bytes(32, 'r') + counted(id, 1) + counted("\x13\x01", 2) +
                        Bytes("\1\0", 2) + counted(sni("a.example"), 2);
  EXPECT_EQ(reason(record(message(long_id))), "malformed");
  const Bytes no_compression = "\x03\x03" + Bytes(32, 'r') + Bytes(1, '\0') +
                               counted("\x13\x01", 2) + Bytes(1, '\0') +
                               counted(sni("a.example"), 2);
  EXPECT_EQ(reason(record(message(no_compression))), "malformed");
}

TEST(ClientHello, GreaseIsNoVersion) {
  const State state = read(hello_with(sni("a.example") + extension(0x0a0a, "") +
                                      extension(43, counted("\x3a\x3a\x03\x04\x03\x03", 1))));
  ASSERT_EQ(reason(state), "hello");
  EXPECT_EQ(as_hello(state)->versions, (std::vector<uint16_t>{0x0304, 0x0303}));
  EXPECT_EQ(as_hello(state)->fingerprint.substr(0, 10), "t13d010200");
}

Bytes passes(const Bytes& raw, std::string_view name) {
  const State state = read(raw);
  if (as_hello(state) == nullptr) return "no hello";
  const PassthroughCheck check = check_passthrough(*as_hello(state), name);
  const auto* refused = std::get_if<HelloRefusal>(&check);
  return refused == nullptr ? "" : Bytes(refused->reason);
}

TEST(Passthrough, NeedsExactlyTheDialledName) {
  EXPECT_EQ(passes(real_hello({}), "www.example.org"), "");
  EXPECT_EQ(passes(real_hello({}), "example.org"), "sni-other");
  EXPECT_EQ(passes(real_hello({}), "www.example.org.evil.example"), "sni-other");
  EXPECT_EQ(passes(real_hello({}), ""), "sni-other");
  const PassthroughCheck none = check_passthrough(ClientHello{}, "");
  ASSERT_TRUE(std::holds_alternative<HelloRefusal>(none));
  EXPECT_EQ(std::get<HelloRefusal>(none).reason, "sni-missing");
}

TEST(Passthrough, RefusesAHiddenNameAndWhatLooksLikeOne) {
  for (const size_t type : {0xfe0dU, 0xfe08U, 0xffceU, 0xfd00U}) {
    EXPECT_EQ(passes(hello_with(sni("a.example") + extension(type, Bytes(200, 'e'))), "a.example"),
              "ech");
  }
  EXPECT_EQ(passes(hello_with(sni("a.example") + extension(0xfe0e, "")), "a.example"), "");
}

/// However it is changed and cut: one answer, the same for the whole and for pieces.
TEST(ClientHello, FuzzedBytesAreReadWholeOrNotAtAll) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  const Bytes seeds[] = {real_hello({}), in_records(without_records(real_hello({})), 7),
                         hello_with(sni("a.example") + extension(16, counted("\2h2", 2)))};
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    Bytes raw = seeds[random() % 3];
    for (uint32_t change = random() % 4; change > 0; --change)
      raw[random() % raw.size()] = static_cast<char>(random());
    if (random() % 4 == 0) raw.resize(random() % (raw.size() + 1));
    if (random() % 4 == 0) raw.insert(random() % (raw.size() + 1), raw.substr(0, random() % 64));
    ClientHelloReader pieces;
    for (size_t at = 0; at < raw.size();) {
      const size_t size = 1 + random() % 40;
      pieces.add(std::string_view(raw).substr(at, size));
      at += size;
    }
    const State whole = read(raw);
    // Pieces may be taken before what follows is seen; all else is the same.
    if (reason(whole) != "not-alone") {
      ASSERT_EQ(reason(pieces.state()), reason(whole)) << i;
    }
    const ClientHello* hello = as_hello(whole);
    if (hello == nullptr) continue;
    ++taken;
    ASSERT_EQ(hello->fingerprint, as_hello(pieces.state())->fingerprint);
    ASSERT_EQ(hello->fingerprint.size(), 36U);
    ASSERT_FALSE(hello->sni.empty());
  }
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace carrel::gateway
