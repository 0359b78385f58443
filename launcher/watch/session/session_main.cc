#include "launcher/watch/session/session_main.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "broker/confine/confine.h"
#include "launcher/watch/session/confinement.h"
#include "launcher/watch/session/session.h"
#include "launcher/watch/tree/difference.h"
#include "profiles/base/check.h"

namespace carrel::session {
namespace {

using protocol::Connection;
using protocol::Message;
using protocol::Type;

constexpr int kConfigMs = 30'000;

/// getrandom(2) gives up to 256 bytes whole; a session without randomness is none.
void random_bytes(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    CHECK(got > 0 || errno == EINTR);
    if (got > 0) out = out.subspan(static_cast<size_t>(got));
  }
}

/// OpenSSL opens its configuration and fetches its algorithms at first use, which must be before
/// the program confines itself.
Status warm_up() {
  ASSIGN_OR_RETURN(const Secret seed, evidence::generate_seed());
  ASSIGN_OR_RETURN(const evidence::SigningKey key, evidence::SigningKey::from_seed(seed));
  const evidence::Digest digest = evidence::sha256("warm up");
  const auto signature = key.sign(evidence::as_view(digest));
  return signature.ok() ? Status(Done{}) : signature.error();
}

Result<SessionInput> receive_config(Connection& launcher) {
  ASSIGN_OR_RETURN(std::optional<Message> message, launcher.receive(kConfigMs));
  if (!message.has_value()) return Error{"the launcher has gone", ECONNRESET};
  return take_config(std::move(*message));
}

Result<std::unique_ptr<SensorPort>> open_sensor(SessionInput& input) {
  if (input.config.sensor() == "notify") {
    return open_pipe(std::move(input.ring), input.counters.get());
  }
  return open_ring(input.ring.get(), input.config.ring_bytes(), input.counters.get());
}

/// What needs the host comes first, then the fence; what somebody else wrote is read behind it.
Result<std::unique_ptr<Session>> prepare(Connection& launcher) {
  RETURN_IF_ERROR(warm_up());
  SessionParts parts;
  ASSIGN_OR_RETURN(parts.input, receive_config(launcher));
  ASSIGN_OR_RETURN(parts.sensor, open_sensor(parts.input));
  parts.input.ring.reset();
  parts.input.counters.reset();
  RETURN_IF_ERROR(confine::confine_self(session_confinement(parts.input)));
  RETURN_IF_ERROR(parts.sensor->start());
  ASSIGN_OR_RETURN(parts.profile, profile_of(parts.input.config));
  parts.difference = tree::difference;
  parts.clock = system_clock();
  parts.entropy = random_bytes;
  parts.seeds = evidence::generate_seed;
  return Session::start(std::move(parts), launcher);
}

bool tell(Connection& launcher, const Ending& ending) {
  protocol::Finished finished;
  finished.set_by(ending.by);
  finished.set_code(ending.code);
  finished.set_error(ending.error);
  return protocol::send_message(launcher, Type::kFinished, finished).ok();
}

}  // namespace

int session_main(int control_fd) {
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  Connection launcher{UniqueFd(control_fd)};
  // What a library throws ends the session here: its descriptors close, carrel-init sees it and
  // the kernel ends the workspace; the broker marks the record broken.
  try {
    Result<std::unique_ptr<Session>> session = prepare(launcher);
    if (!session.ok()) return tell(launcher, ended_by_setup(session.error())) ? 0 : 1;
    session.value()->run();
    return 0;
  } catch (const std::exception& thrown) {
    tell(launcher, ended_by_record(thrown.what()));
    return 1;
  }
}

}  // namespace carrel::session
