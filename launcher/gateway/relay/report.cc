#include "launcher/gateway/relay/report.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include <utility>

#include "broker/wire/protocol/messages.pb.h"

namespace carrel::gateway {
namespace {

UniqueFd second(int fd) {
  return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Report::Report(Loop& loop, UniqueFd session)
    : loop_(loop), session_(std::move(session)), wait_(loop, second(session_.fd())) {}

void Report::tell(const Said& said, events::Data data) {
  if (!begun_) return;
  events::Event event;
  event.verdict = said.verdict;
  event.rule = said.rule;
  event.error = said.error;
  event.data = std::move(data);
  protocol::GatewayEvent message;
  message.set_mono_ns(monotonic_ns());
  message.set_code(events::type_code(event.data));
  message.set_payload(events::encode_payload(event));
  message.set_cookie(said.cookie);
  send(protocol::Type::kGatewayEvent, message.SerializeAsString());
}

void Report::send(protocol::Type type, std::string_view body) {
  if (gone_) return;
  if (!session_.queue(type, body).ok()) gone_ = true;
  if (gone_ && on_gone) return on_gone();
  if (session_.wants_write() && !writing_) {
    writing_ = true;
    start(loop_, write_all());
  }
}

Task<> Report::write_all() {
  while (session_.wants_write()) {
    const bool more = co_await wait_.writable();
    if (!more || !session_.flush().ok()) {
      gone_ = true;
      if (on_gone) on_gone();
      break;
    }
  }
  writing_ = false;
}

bool Report::hung_up() const {
  pollfd look{session_.fd(), POLLRDHUP, 0};
  return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

Task<> Report::room() {
  constexpr uint64_t kStepMs = 5;
  while (!gone_ && session_.queued_bytes() > kMaxWaiting) {
    co_await sleep_ms(kStepMs);
  }
}

Task<> Report::read_all() {
  while (true) {
    const bool more = co_await wait_.readable();
    if (!more) break;
    const Result<bool> open = session_.fill();
    bool good = open.ok() && open.value();
    while (good) {
      Result<std::optional<protocol::Message>> message = session_.next();
      good = message.ok();
      if (!good || !message.value().has_value()) break;
      if (on_message) on_message(std::move(*message.take()));
    }
    if (!good) break;
  }
  gone_ = true;
  if (on_gone) on_gone();
}

}  // namespace carrel::gateway
