#pragma once
// Bytes to and from one end of a connection that is read: plain, or through TLS.

#include <optional>
#include <string>
#include <string_view>

#include "launcher/gateway/relay/task.h"
#include "launcher/gateway/tls/handles.h"
#include "profiles/base/result.h"

namespace carrel::gateway {

/// A fatal alert in plain text, where only encrypted records may come (RFC 8446 5.2).
inline constexpr std::string_view kNoRecord("\x15\x03\x03\x00\x02\x02\x50", 7);

class Stream {
 public:
  /// Plain. `wait` outlives it; `taken` was read from it already.
  Stream(Wait& wait, std::string taken) : wait_(wait), plain_(std::move(taken)) {}
  /// Through TLS; handshake() comes first.
  Stream(Wait& wait, Owned<SSL> ssl, std::string_view taken);

  /// Of TLS. An Error's number is OpenSSL's own code, 0 where the connection just ended.
  struct Failed {
    unsigned long code = 0;  // NOLINT(google-runtime-int): ERR_get_error(3)
  };
  Task<std::optional<Failed>> handshake();

  /// One may read while another writes. Appends what has come, at most 64 KiB. 0: the end, in order
  /// (with TLS: close_notify); less: it broke.
  Task<int> read(std::string& to);
  /// All of it; false: it broke.
  Task<bool> write(std::string_view bytes);
  /// Says that nothing more comes, and waits until what was said has arrived, at most `ms`.
  Task<> finish(uint64_t ms);
  /// After finish(): what still comes is read and forgotten until the other side ends, at most
  /// `ms`. A socket that is closed with bytes unread is reset, and who was still sending might not
  /// read what it was told.
  Task<> forget_rest(uint64_t ms);
  /// Of TLS, before the connection is reset: a record that nobody can have meant. Clients that take
  /// a reset for an end in order (Python's ssl does) then know that their answer is not whole.
  Task<> spoil(uint64_t ms);
  [[nodiscard]] bool is_tls() const { return ssl_ != nullptr; }

 private:
  Task<bool> flush();
  Task<int> feed();
  Task<bool> send_all(std::string_view bytes);
  Wait& wait_;
  Owned<SSL> ssl_;
  std::string plain_;
  bool sending_ = false;
  bool feeding_ = false;
  Turn turn_{uint64_t{64} << 10};  // of what comes: TLS may hold much that nobody is given
};

}  // namespace carrel::gateway
