// While a session runs: what it asks of the launcher, which is servers for ssh connections.

#include <cerrno>
#include <utility>

#include "launcher/service/opener.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Message;

void Opener::make_ssh() {
  std::vector<uint16_t> ports;
  for (const model::Forward& forward : opening_.profile.forwards)
    ports.push_back(forward.port);
  ssh_.emplace(SshTools{tools_.facts, tools_.programs, tools_.cgroups, tools_.tracer,
                        notifier_.has_value() ? &*notifier_ : nullptr, network_.get(),
                        opening_.spec.session(), opening_.uid_base, opening_.sensor.slot,
                        std::move(ports)});
}

void Opener::start_ssh(const Message& message) {
  const auto wanted = protocol::parse_message<protocol::StartSsh>(message);
  protocol::SshStarted started;
  if (!wanted.ok() || !message.fds.empty()) {
    started.set_error("malformed request for an ssh server");
    return recorder_->tell_ssh(started, {});
  }
  started.set_channel(wanted.value().channel());
  Result<SshHanded> made = ssh_->start(wanted.value());
  if (!made.ok()) {
    started.set_error(to_string(made.error()));
    tools_.log("ssh.failed session=" + opening_.spec.session() +
               " why=" + quoted(to_string(made.error())));
    return recorder_->tell_ssh(started, {});
  }
  const SshHanded handed = made.take();
  started.set_uid(handed.uid);
  std::vector<int> fds = {handed.listener.get(), handed.log.get(), handed.pidfd.get(),
                          handed.stream.get()};
  if (handed.kill.valid()) fds.push_back(handed.kill.get());
  recorder_->tell_ssh(started, fds);
}

/// True when the session says no more.
bool Opener::hear_session() {
  Result<Recorder::Said> taken = recorder_->take();
  if (!taken.ok()) return true;
  Recorder::Said said = taken.take();
  for (const Message& message : said.wanted)
    start_ssh(message);
  finished_ = std::move(said.finished);
  if (!said.gone && said.missed.has_value()) miss_gateway(*said.missed);
  return said.gone;
}

}  // namespace carrel::service
