// The first bytes of a TLS client: read alike in all pieces, and as OpenSSL's server reads them. A
// hello of which a server finds another name than we did would pass under a name that it has not.

#include "launcher/gateway/tls/client_hello.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <optional>

#include "launcher/gateway/dns/name.h"
#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway;
using State = ClientHelloReader::State;

struct Seen {
  bool hello = false;
  bool ech = false;
  std::optional<std::string> sni;  // the extension's bytes
};

int look(SSL* ssl, int*, void* where) {
  auto& seen = *static_cast<Seen*>(where);
  seen.hello = true;
  const unsigned char* data = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1)
    seen.sni = std::string(reinterpret_cast<const char*>(data), size);
  constexpr unsigned kEch = 0xfe0d;
  seen.ech = SSL_client_hello_get0_ext(ssl, kEch, &data, &size) == 1;
  return SSL_CLIENT_HELLO_ERROR;  // enough
}

/// What OpenSSL makes of the same bytes.
Seen as_a_server(std::string_view bytes) {
  static SSL_CTX* const kContext = SSL_CTX_new(TLS_server_method());
  Seen seen;
  SSL_CTX_set_client_hello_cb(kContext, look, &seen);
  SSL* ssl = SSL_new(kContext);
  BIO* in = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
  SSL_set_bio(ssl, in, BIO_new(BIO_s_mem()));
  SSL_accept(ssl);
  SSL_free(ssl);
  ERR_clear_error();
  return seen;
}

/// RFC 6066 3: length of the list, kind, length of the name, name.
std::string name_in(const std::string& extension) {
  return extension.size() <= 5 ? "" : extension.substr(5);
}

State read_in_pieces(std::string_view input, uint8_t seed) {
  ClientHelloReader reader;
  carrel::fuzz::Pieces pieces(input, seed);
  while (!pieces.is_empty() && std::holds_alternative<ClientHelloReader::NeedMore>(reader.state()))
    reader.add(pieces.next());
  return reader.state();
}

bool same(const ClientHello& a, const ClientHello& b) {
  return a.sni == b.sni && a.alpn == b.alpn && a.versions == b.versions && a.has_ech == b.has_ech &&
         a.fingerprint == b.fingerprint;
}

}  // namespace

FUZZ_TARGET(client_hello) {
  const uint8_t seed = carrel::fuzz::take_byte(input);
  ClientHelloReader reader;
  const State whole = reader.add(input);
  const State pieces = read_in_pieces(input, seed);
  const auto* refused = std::get_if<HelloRefusal>(&whole);
  // What comes behind a hello is seen only where it came with it.
  const bool more_behind =
      refused != nullptr && (refused->reason == "not-alone" || refused->reason == "too-long");
  if (!more_behind) MUST(whole.index() == pieces.index());
  if (refused != nullptr && !more_behind)
    MUST(std::get<HelloRefusal>(pieces).reason == refused->reason);
  const auto* hello = std::get_if<ClientHello>(&whole);
  if (hello == nullptr) return;
  MUST(same(*hello, std::get<ClientHello>(pieces)));
  MUST(reader.bytes() == input);
  MUST(!hello->sni.empty() && canonical_name(hello->sni).value() == hello->sni);
  const Seen seen = as_a_server(input);
  if (!seen.hello) return;  // OpenSSL refuses more: no server will answer
  MUST(seen.sni.has_value());
  const auto named = canonical_name(name_in(*seen.sni));
  MUST(named.ok() && named.value() == hello->sni);
  MUST(hello->has_ech || !seen.ech);
  MUST(std::holds_alternative<std::monostate>(check_passthrough(*hello, hello->sni)) !=
       hello->has_ech);
}
