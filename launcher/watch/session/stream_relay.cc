#include "launcher/watch/session/stream_relay.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace carrel::session {
namespace {

constexpr size_t kChunk = size_t{64} << 10;

bool is_for_later() {
  return errno == EAGAIN || errno == EINTR;
}

}  // namespace

size_t StreamRelay::read_some(int from, Way& way) {
  if (!way.takes()) return 0;
  std::array<char, kChunk> part;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  const ssize_t got = recv(from, part.data(), part.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && !is_for_later())) way.ended = true;
  if (got <= 0) return 0;
  way.bytes.erase(0, way.start);
  way.start = 0;
  way.bytes.append(part.data(), static_cast<size_t>(got));
  return static_cast<size_t>(got);
}

void StreamRelay::write_some(int to, Way& way) {
  if (way.waiting() == 0) return;
  const std::string_view bytes = way.front();
  const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) way.start += static_cast<size_t>(sent);
  if (sent >= 0 || is_for_later()) return;
  way.start = way.bytes.size();  // nobody wants it
  way.ended = true;
}

void StreamRelay::pass_end(int to, Way& way) {
  if (!way.ended || way.passed || way.waiting() > 0) return;
  (void)shutdown(to, SHUT_WR);
  way.passed = true;
}

void StreamRelay::serve() {
  if (over()) return;
  from_client_ += read_some(client_.get(), up_);
  write_some(server_.get(), up_);
  pass_end(server_.get(), up_);
  (void)read_some(server_.get(), down_);
  write_some(client_.get(), down_);
  pass_end(client_.get(), down_);
  // A server that says no more hears no more: sshd ends as a whole.
  if (down_.passed) close();
}

std::vector<pollfd> StreamRelay::waits() const {
  if (over()) return {};
  const auto events = [](const Way& in, const Way& out) {
    return static_cast<short>((in.takes() ? POLLIN : 0) | (out.waiting() > 0 ? POLLOUT : 0));
  };
  std::vector<pollfd> list;
  // One that nothing is wanted of is left out: its end would be told for ever.
  if (const short client = events(up_, down_); client != 0)
    list.push_back({client_.get(), client, 0});
  if (const short server = events(down_, up_); server != 0)
    list.push_back({server_.get(), server, 0});
  return list;
}

void StreamRelay::close() {
  client_.reset();
  server_.reset();
}

}  // namespace carrel::session
