#include "launcher/watch/session/inside_port.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include "launcher/watch/session/clock.h"

namespace carrel::session {

bool InsidePort::takes(uint64_t now_ns) const {
  return listener_.valid() && askers_.size() < kMostAsking &&
         (now_ns / kNsPerS != second_ || taken_ < kMostASecond);
}

std::vector<int> InsidePort::fds(uint64_t now_ns) const {
  std::vector<int> list;
  if (takes(now_ns)) list.push_back(listener_.get());
  for (const Asker& asker : askers_)
    list.push_back(asker.fd.get());
  return list;
}

void InsidePort::take_askers(uint64_t now_ns) {
  while (takes(now_ns)) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    if (now_ns / kNsPerS != second_) taken_ = 0;
    second_ = now_ns / kNsPerS;
    ++taken_;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (known && peer.uid == asker_uid_) askers_.push_back({std::move(fd), now_ns + kPatienceNs});
  }
}

/// True when there is no more to hear from this one. Descriptors that came along are dropped by the
/// kernel, since there is no room for them (unix(7)).
bool InsidePort::hear(Asker& asker) {
  std::array<char, inside::kMaxSubject + 16> bytes{};
  const ssize_t got = recv(asker.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (got < 0) return errno != EAGAIN && errno != EINTR;
  if (got == 0 || static_cast<size_t>(got) > bytes.size()) return true;
  const auto question = inside::parse_question({bytes.data(), static_cast<size_t>(got)});
  const std::string answer = inside::to_packet(
      question.ok() ? answering_(question.value())
                    : inside::Answer{1, "carrel: this question is not understood\n"});
  // Who does not make room for one packet does not want it.
  (void)send(asker.fd.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return true;
}

void InsidePort::serve(uint64_t now_ns) {
  take_askers(now_ns);
  std::erase_if(askers_,
                [this, now_ns](Asker& asker) { return hear(asker) || now_ns >= asker.until_ns; });
}

void InsidePort::close() {
  listener_.reset();
  askers_.clear();
}

}  // namespace carrel::session
