#include "broker/wire/protocol/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace carrel::protocol {
namespace {

constexpr size_t kHeader = 8;
constexpr size_t kReadChunk = size_t{256} << 10;

std::string make_frame(Type type, std::string_view body, size_t fd_count) {
  std::string out;
  out.reserve(kHeader + body.size());
  const auto length = static_cast<uint32_t>(body.size());
  const auto code = static_cast<uint16_t>(type);
  for (int i = 0; i < 4; ++i)
    out += static_cast<char>(length >> (8 * i) & 0xFF);
  for (int i = 0; i < 2; ++i)
    out += static_cast<char>(code >> (8 * i) & 0xFF);
  for (int i = 0; i < 2; ++i)
    out += static_cast<char>(fd_count >> (8 * i) & 0xFF);
  out += body;
  return out;
}

uint32_t little(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

/// One sendmsg(2): the descriptors go with the first byte of a frame. Bytes taken, or -1 and errno.
ssize_t send_some(int socket, std::string_view bytes, const std::vector<int>& fds, int flags) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT: sendmsg does not write
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  return sendmsg(socket, &header, flags | MSG_NOSIGNAL);
}

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

Status Connection::queue(Type type, std::string_view body, std::span<const int> fds) {
  if (body.size() > kMaxBody || fds.size() > kMaxFds)
    return Error{"send frame: too large", EMSGSIZE};
  Outgoing frame{make_frame(type, body, fds.size()), 0, {}};
  for (const int fd : fds) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return errno_error("duplicate descriptor to send");
    frame.fds.emplace_back(copy);
  }
  queued_ += frame.bytes.size();
  out_.push_back(std::move(frame));
  return flush();
}

Status Connection::flush() {
  while (!out_.empty()) {
    Outgoing& frame = out_.front();
    std::vector<int> fds;
    for (const UniqueFd& fd : frame.fds)
      fds.push_back(fd.get());
    const ssize_t taken = send_some(socket_.get(), std::string_view(frame.bytes).substr(frame.sent),
                                    fds, MSG_DONTWAIT);
    if (taken < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Done{};
      return errno_error("send frame");
    }
    frame.fds.clear();
    frame.sent += static_cast<size_t>(taken);
    queued_ -= static_cast<size_t>(taken);
    if (frame.sent == frame.bytes.size()) out_.pop_front();
  }
  return Done{};
}

Status Connection::send(Type type, std::string_view body, std::span<const int> fds) {
  RETURN_IF_ERROR(queue(type, body, fds));
  while (wants_write()) {
    pollfd wait{socket_.get(), POLLOUT, 0};
    if (poll(&wait, 1, -1) < 0 && errno != EINTR) return errno_error("poll to send");
    RETURN_IF_ERROR(flush());
  }
  return Done{};
}

Result<bool> Connection::fill() {
  if (in_start_ > 0 && in_start_ == in_.size()) {
    in_.clear();
    in_start_ = 0;
  } else if (in_start_ > kReadChunk) {
    in_.erase(0, in_start_);
    in_start_ = 0;
  }
  const size_t before = in_.size();
  in_.resize(before + kReadChunk);
  iovec part{in_.data() + before, kReadChunk};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const int number = errno;
  in_.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
  if (got < 0) {
    if (number == EAGAIN || number == EINTR) return true;
    if (number == ECONNRESET) return false;
    return Error{"receive frame", number};
  }
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      in_fds_.emplace_back(fd);
    }
  }
  if (in_fds_.size() > 4 * kMaxFds) return Error{"receive frame: too many descriptors", EPROTO};
  if ((header.msg_flags & MSG_CTRUNC) != 0) return Error{"receive frame: descriptors cut", EPROTO};
  return got > 0;
}

Result<std::optional<Message>> Connection::next() {
  const std::string_view left = std::string_view(in_).substr(in_start_);
  if (left.size() < kHeader) return std::optional<Message>{};
  const size_t length = little(left.substr(0, 4));
  const size_t fd_count = little(left.substr(6, 2));
  if (length > kMaxBody || fd_count > kMaxFds) return Error{"receive frame: too large", EPROTO};
  if (left.size() < kHeader + length) return std::optional<Message>{};
  if (in_fds_.size() < fd_count) return Error{"receive frame: descriptors missing", EPROTO};
  Message message;
  message.type = static_cast<Type>(little(left.substr(4, 2)));
  message.body = left.substr(kHeader, length);
  for (size_t i = 0; i < fd_count; ++i) {
    message.fds.push_back(std::move(in_fds_.front()));
    in_fds_.pop_front();
  }
  in_start_ += kHeader + length;
  return std::optional<Message>(std::move(message));
}

Result<std::optional<Message>> Connection::receive(int timeout_ms) {
  const int64_t deadline = now_ms() + timeout_ms;
  while (true) {
    auto ready = next();
    if (!ready.ok() || ready.value().has_value()) return ready;
    int wait_ms = -1;
    if (timeout_ms >= 0) wait_ms = static_cast<int>(std::max<int64_t>(0, deadline - now_ms()));
    pollfd wait{socket_.get(), POLLIN, 0};
    const int count = poll(&wait, 1, wait_ms);
    if (count < 0 && errno != EINTR) return errno_error("poll to receive");
    if (count == 0) return Error{"receive frame", ETIMEDOUT};
    if (count < 0) continue;
    ASSIGN_OR_RETURN(const bool open, fill());
    if (!open) {
      if (in_start_ != in_.size()) return Error{"receive frame: cut short", EPROTO};
      return std::optional<Message>{};
    }
  }
}

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return errno_error("socketpair");
  return std::pair<UniqueFd, UniqueFd>(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace carrel::protocol
