#include "launcher/watch/session/client_port.h"

#include <optional>
#include <utility>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

constexpr int kMaxSignal = 64;

/// Nothing: the frame is none that a client may send.
std::optional<ClientWish> wish_of(Message& message) {
  if (!message.fds.empty()) return std::nullopt;
  switch (message.type) {
    case Type::kStdin:
      return ClientInput{std::move(message.body)};
    case Type::kStdinEnd:
      return ClientInputEnd{};
    case Type::kResize: {
      const auto resize = protocol::parse_message<protocol::Resize>(message);
      if (!resize.ok()) return std::nullopt;
      const uint32_t columns = resize.value().columns();
      const uint32_t rows = resize.value().rows();
      if (!ClientResize::is_size(columns, rows)) return std::nullopt;
      return ClientResize{columns, rows};
    }
    case Type::kSignal: {
      const auto signal = protocol::parse_message<protocol::Signal>(message);
      if (!signal.ok()) return std::nullopt;
      const int number = signal.value().number();
      const bool good = number > 0 && number <= kMaxSignal;
      return good ? std::optional<ClientWish>(ClientSignal{number}) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<ClientWish> ClientPort::receive() {
  std::vector<ClientWish> wishes;
  if (gone()) return wishes;
  const Result<bool> open = stream_.fill();
  while (true) {
    Result<std::optional<Message>> message = stream_.next();
    if (message.ok() && !message.value().has_value()) break;
    std::optional<ClientWish> wish;
    if (message.ok()) {
      Message frame = std::move(*message.take());
      wish = wish_of(frame);
    }
    if (!wish.has_value()) {
      close();
      return wishes;
    }
    wishes.push_back(std::move(*wish));
  }
  if (!open.ok() || !open.value()) close();
  return wishes;
}

void ClientPort::send(Type type, std::string_view bytes) {
  if (!gone() && !stream_.queue(type, bytes).ok()) close();
}

void ClientPort::flush() {
  if (!gone() && !stream_.flush().ok()) close();
}

}  // namespace carrel::session
