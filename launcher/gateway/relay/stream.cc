#include "launcher/gateway/relay/stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

#include "launcher/gateway/relay/pump.h"

namespace carrel::gateway {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

/// Of the one thread, between two waits: nothing of it is kept in a coroutine's frame.
std::array<char, kPiece>& piece() {
  static std::array<char, kPiece> bytes;
  return bytes;
}

/// Non-blocking recv into piece(): more than 0 bytes, 0 at the end, -1 where it broke, -2 for
/// nothing yet.
int receive(int fd) {
  ssize_t got = 0;
  do {
    got = recv(fd, piece().data(), piece().size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got >= 0) return static_cast<int>(got);
  return errno == EAGAIN ? -2 : -1;
}

}  // namespace

Stream::Stream(Wait& wait, Owned<SSL> ssl, std::string_view taken)
    : wait_(wait), ssl_(std::move(ssl)) {
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  BIO_set_mem_eof_return(out, -1);
  if (!taken.empty()) BIO_write(in, taken.data(), static_cast<int>(taken.size()));
  SSL_set_bio(ssl_.get(), in, out);
}

Task<bool> Stream::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(wait_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put > 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    if (put < 0 && errno == EINTR) continue;
    if (put == 0 || errno != EAGAIN) co_return false;
    const bool more = co_await wait_.writable();
    if (!more) co_return false;
  }
  co_return true;
}

/// What OpenSSL has written goes out, record after record: one sends at a time, and whatever else
/// has been written meanwhile.
Task<bool> Stream::flush() {
  constexpr uint64_t kPatienceMs = 2;
  while (sending_) {
    co_await sleep_ms(kPatienceMs);
  }
  while (true) {
    char* data = nullptr;
    BIO* out = SSL_get_wbio(ssl_.get());
    const long size = BIO_get_mem_data(out, &data);
    if (size <= 0) co_return true;
    const std::string bytes(data, static_cast<size_t>(size));
    (void)BIO_reset(out);
    sending_ = true;
    const bool sent = co_await send_all(bytes);
    sending_ = false;
    if (!sent) co_return false;
  }
}

/// What has come goes to OpenSSL: as receive(), after waiting. One feeds at a time; whoever finds
/// another one at it waits for what that one gets.
Task<int> Stream::feed() {
  constexpr uint64_t kPatienceMs = 2;
  if (feeding_) {
    while (feeding_) {
      co_await sleep_ms(kPatienceMs);
    }
    co_return 1;
  }
  feeding_ = true;
  int got = receive(wait_.fd());
  while (got == -2) {
    const bool more = co_await wait_.readable();
    got = more ? receive(wait_.fd()) : -1;
  }
  if (got > 0) {
    BIO_write(SSL_get_rbio(ssl_.get()), piece().data(), got);
    co_await turn_.moved(static_cast<uint64_t>(got));
  }
  feeding_ = false;
  co_return got;
}

Task<std::optional<Stream::Failed>> Stream::handshake() {
  while (true) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), done);
    const unsigned long code = ERR_peek_error();
    const bool flushed = co_await flush();
    if (!flushed) co_return Failed{code};
    if (done == 1) co_return std::nullopt;
    if (error != SSL_ERROR_WANT_READ) co_return Failed{code};
    const int fed = co_await feed();
    if (fed <= 0) co_return Failed{0};
  }
}

Task<int> Stream::read(std::string& to) {
  if (!is_tls()) {
    if (!plain_.empty()) {
      to += plain_;
      const int size = static_cast<int>(plain_.size());
      plain_.clear();
      co_return size;
    }
    while (true) {
      const int got = receive(wait_.fd());
      if (got > 0) {
        to.append(piece().data(), static_cast<size_t>(got));
        co_await turn_.moved(static_cast<uint64_t>(got));
      }
      if (got != -2) co_return got;
      const bool more = co_await wait_.readable();
      if (!more) co_return -1;
    }
  }
  while (true) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), piece().data(), static_cast<int>(piece().size()));
    if (got > 0) {
      to.append(piece().data(), static_cast<size_t>(got));
      co_return got;
    }
    const int error = SSL_get_error(ssl_.get(), got);
    // Whoever writes just now sends that, too; and a peer that takes nothing more may be heard.
    bool flushed = true;
    if (!sending_) {
      flushed = co_await flush();
    }
    if (!flushed) co_return -1;
    if (error == SSL_ERROR_ZERO_RETURN) co_return 0;
    // An end without close_notify may be anybody's: it is none in order (RFC 8446 6.1).
    if (error != SSL_ERROR_WANT_READ) co_return -1;
    const int fed = co_await feed();
    if (fed <= 0) co_return -1;
  }
}

Task<bool> Stream::write(std::string_view bytes) {
  if (!is_tls()) {
    const bool sent = co_await send_all(bytes);
    co_return sent;
  }
  while (!bytes.empty()) {
    const size_t some = std::min(bytes.size(), kPiece);
    ERR_clear_error();
    // Into memory: it never waits, but for the rest of a message of the handshake that has come
    // in part.
    const int put = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(some));
    if (put <= 0) {
      if (SSL_get_error(ssl_.get(), put) != SSL_ERROR_WANT_READ) co_return false;
      const int fed = co_await feed();
      if (fed <= 0) co_return false;
      continue;
    }
    bytes.remove_prefix(some);
    const bool flushed = co_await flush();
    if (!flushed) co_return false;
  }
  co_return true;
}

Task<> Stream::spoil(uint64_t ms) {
  if (!is_tls() || !wait_.open()) co_return;
  const bool sent = co_await send_all(kNoRecord);
  if (!sent) co_return;
  co_await drain(wait_, ms);
}

Task<> Stream::forget_rest(uint64_t ms) {
  constexpr uint64_t kStepMs = 2;
  for (uint64_t waited = 0; waited < ms && wait_.open(); waited += kStepMs) {
    const int got = receive(wait_.fd());
    if (got == 0 || got == -1) co_return;
    co_await sleep_ms(kStepMs);
  }
}

Task<> Stream::finish(uint64_t ms) {
  if (!wait_.open()) co_return;
  if (is_tls()) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
    const bool flushed = co_await flush();
    if (!flushed) co_return;
  }
  if (wait_.open()) (void)shutdown(wait_.fd(), SHUT_WR);
  co_await drain(wait_, ms);
}

}  // namespace carrel::gateway
