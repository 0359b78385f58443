#pragma once
// The first message of a TLS client (RFC 8446 4.1.2, RFC 5246 7.4.1.2): to whom it wants to speak.
// From the workspace, so hostile: bounded, read whole or refused, however it is cut into records
// and reads. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/gateway/tls/fingerprint.h"

namespace carrel::gateway {

struct ClientHello {
  std::string sni;                 // canonical_name()'s form of it (RFC 6066 3)
  std::vector<std::string> alpn;   // in the client's order, any bytes (RFC 7301); may be empty
  std::vector<uint16_t> versions;  // as offered, 0x0304 is TLS 1.3; without GREASE
  bool has_ech = false;     // an encrypted hello, GREASE too (RFC 9849 6.2), or an older draft
  std::string fingerprint;  // ja4()
};

/// Why no hello is taken; `reason` is the record's word:
/// "not-tls"       plain text, or anything that is no TLS record
/// "sslv2"         the hello of SSL 2.0
/// "not-hello"     a TLS record, but not of a ClientHello
/// "not-alone"     another handshake message behind it, before any answer
/// "malformed"     a length, list or record that does not fit
/// "too-long"      more than ClientHelloReader::kMaxBytes
/// "repeated"      an extension twice, or two server names
/// "sni-missing"   no server name
/// "sni-bad"       a server name that is no host's: an address, a dot at the end, other bytes
/// "sni-other"     not the name that was dialled (check_passthrough)
/// "ech"           an encrypted hello (check_passthrough)
struct HelloRefusal {
  std::string_view reason;
  std::string sentence;  // for people, without the client's bytes
  bool operator==(const HelloRefusal&) const = default;
};

/// Reads the hello from the bytes of a connection, as they come.
class ClientHelloReader {
 public:
  /// Of all bytes until the hello is whole, heads of records included.
  static constexpr size_t kMaxBytes = size_t{64} * 1024;
  struct NeedMore {};
  using State = std::variant<NeedMore, HelloRefusal, ClientHello>;

  /// Takes the next bytes and says how far it is. Only the first answer other than NeedMore counts:
  /// nothing is taken after it. Costs time in proportion to all bytes, in whatever pieces.
  const State& add(std::string_view more);
  [[nodiscard]] const State& state() const { return state_; }
  /// All bytes that were added: what a relay sends on, or gives to its own end of the connection.
  /// Behind the hello there may be early data (RFC 8446 4.2.10).
  [[nodiscard]] const std::string& bytes() const { return raw_; }
  /// How many bytes may still be added before it is "too-long".
  [[nodiscard]] size_t room() const { return kMaxBytes - raw_.size(); }

 private:
  bool take_record();
  void judge_message();
  void refuse(std::string_view reason, std::string_view sentence);
  std::string raw_;
  size_t at_ = 0;        // of the next record in raw_
  std::string message_;  // the handshake's bytes so far
  State state_;
};

using PassthroughCheck = std::variant<std::monostate, HelloRefusal>;

/// Whether a connection may be relayed without being opened: it asks for exactly `name` (canonical)
/// and hides no second name. std::monostate when it may. A HelloRetryRequest lets the client send
/// its hello again, which nobody reads: the server must find the same name in it (RFC 8446 4.1.2).
PassthroughCheck check_passthrough(const ClientHello& hello, std::string_view name);

}  // namespace carrel::gateway
