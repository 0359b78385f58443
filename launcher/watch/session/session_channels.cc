// Further terminals and commands beside the first one, and what its end means then.

#include <signal.h>

#include <utility>

#include "launcher/watch/session/notice.h"
#include "launcher/watch/session/session.h"

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

constexpr uint64_t kHangUpNs = 10 * kNsPerS;
/// How long output of what the first command left behind is waited for before its client leaves.
constexpr uint64_t kLeftBehindNs = 2 * kNsPerS;
/// At the session's end: to show the last words to ssh clients, for them to leave by themselves,
/// and for their servers to be gone.
constexpr uint64_t kShownNs = 1 * kNsPerS;
constexpr uint64_t kLeavesNs = 200 * kNsPerMs;
constexpr uint64_t kServersEndNs = 12 * kNsPerS;  // one may be started for ten
constexpr int kSshTurnMs = 20;

Channels::Wanted to_wanted(const protocol::SessionAttach& attach) {
  Channels::Wanted wanted;
  wanted.number = static_cast<int32_t>(attach.channel());
  wanted.name = std::to_string(attach.channel());
  wanted.words.assign(attach.command().begin(), attach.command().end());
  wanted.tty = attach.tty();
  wanted.columns = attach.columns();
  wanted.rows = attach.rows();
  wanted.term = attach.term();
  wanted.lang = attach.lang();
  return wanted;
}

}  // namespace

/// People at work besides the one at the first command; an ending waits for none that runs nothing.
size_t Session::others() const {
  return channels_.running() + (ending_.has_value() ? 0 : ssh_.idle());
}

/// A line of carrel's own, on every screen of the session.
void Session::inform(Type type, std::string_view line) {
  client_.send(type, line);
  channels_.tell(type, line);
}

/// The broker vouches for the person. What comes before the first command runs waits for it; what
/// cannot be attached to any more is said to the client.
void Session::attach(Message message) {
  if (!gate_opened_ns_.has_value() && !ending_.has_value()) {
    if (early_.size() < init::kMaxChannels) early_.push_back(std::move(message));
    return;
  }
  const auto wanted = protocol::parse_message<protocol::SessionAttach>(message);
  UniqueFd stream = std::move(message.fds.front());
  if (!wanted.ok()) return;  // nobody who could be told anything
  const bool ssh = wanted.value().has_ssh();
  if (ending_.has_value()) {
    if (ssh) return SshChannels::refuse(stream, "the session is ending");
    return channels_.refuse(protocol::Connection(std::move(stream)),
                            ended_by_setup(Error{"the session is ending"}), true);
  }
  if (ssh) return ssh_.open(wanted.value(), std::move(stream));
  channels_.attach(to_wanted(wanted.value()), protocol::Connection(std::move(stream)));
  if (!hold_.has_value()) return;
  // It begins when the host has room again; until then nothing of it moves.
  channels_.tell(std::to_string(wanted.value().channel()), Type::kNotice,
                 held_notice(hold_->space));
}

/// What is asked for on an open connection is answered as the broker answers one that attaches.
std::optional<Ending> Session::why_nothing_begins() const {
  if (pause_.has_value()) {
    return ended_by_setup(Error{"the session is paused by " + pause_->order.person +
                                ": nothing runs in it until it is resumed"});
  }
  if (hold_.has_value())
    return ended_by_setup(Error{"the session is held until its host has room"});
  return std::nullopt;
}

/// Nothing of the workspace runs any more. What was said last is shown, then the servers end, and
/// with the last of them everything that could still reach the record; else what is said of it.
std::string Session::end_ssh() {
  if (!record_->failed()) {
    wait_ssh(kShownNs, [this] { return channels_.flushed() && ssh_.passed_on(); });
    wait_ssh(kLeavesNs, [] { return false; });
  }
  ssh_.kill();
  wait_ssh(kServersEndNs, [] { return false; });
  return ssh_.finish(*ending_);
}

/// At most for this time, and no longer than there is a server.
void Session::wait_ssh(uint64_t most_ns, const std::function<bool()>& done) {
  const uint64_t until = now() + most_ns;
  while (!ssh_.empty() && !done() && now() < until) {
    std::vector<pollfd> polls = ssh_.waits();
    polls.push_back({launcher_open_ ? launcher_.fd() : -1, POLLIN, 0});
    poll(polls.data(), polls.size(), kSshTurnMs);
    if (launcher_open_) serve_launcher();
    (void)channels_.flushed();
    feed_.take();
    record_->pump();
    (void)ssh_.serve();
  }
}

/// sshd has kept to its list of ports, and says so.
void Session::refuse_forward(const std::string& host, uint32_t port, const std::string& channel) {
  events::Event event = judge_.judge_refused_forward(host, port);
  event.mono_ns = now();
  event.channel = channel;
  say(event);
  record_->add(std::move(event));
}

void Session::serve_channels() {
  if (gate_opened_ns_.has_value() || ending_.has_value()) {
    for (Message& message : std::exchange(early_, {}))
      attach(std::move(message));
  }
  channels_.stand_still(pause_.has_value() || hold_.has_value());
  ssh_.stand_still(why_nothing_begins());
  const bool at_work = ssh_.serve();
  if (channels_.serve() || at_work) time_.typed(now());
  check_main_left();
  if (main_ended_.has_value() && others() == 0) end(*main_ended_, Stop::kKill);
}

/// The first command's end is the session's, unless others go on: their person is still at work.
void Session::main_exited(int32_t wait_status) {
  if (!gate_opened_ns_.has_value()) {
    return end(ended_by_setup(Error{"the command's process ended before the gate"}), Stop::kKill);
  }
  Ending how = main_killed_at_ns_.has_value() ? ended_by_client() : ended_by_command(wait_status);
  const size_t left = others();
  if (left == 0) return end(std::move(how), Stop::kKill);
  main_ended_ = std::move(how);
  main_ended_at_ns_ = now();
  terminal_.finish();
}

/// Its client leaves when it has the last byte; one that hears of the session's end anyway stays.
void Session::check_main_left() {
  if (!main_ended_.has_value() || main_left_ || ending_.has_value()) return;
  if (!terminal_.ended() && now() < main_ended_at_ns_ + kLeftBehindNs) return;
  const size_t left = others();
  if (left == 0) return;
  main_left_ = true;
  protocol::Ended ended;
  ended.set_by(main_ended_->by);
  ended.set_code(main_ended_->code);
  ended.set_signal(main_ended_->signal);
  record_->add(events::TerminalEnded{main_ended_->by, static_cast<uint32_t>(main_ended_->code)});
  client_.send(Type::kNotice, "carrel: this terminal has ended; the session goes on with " +
                                  std::to_string(left) + (left == 1 ? " other" : " others") + "\n");
  client_.send(Type::kChannelEnded, ended.SerializeAsString());
}

/// Without its person the first command hears of it like one whose terminal has gone; while the
/// workspace stands still nobody can hear anything. Alone, it takes the session with it.
void Session::check_client() {
  if (main_left_ && !client_.gone() && !client_.wants_write()) client_.close();
  if (!client_.gone() || main_ended_.has_value()) return;
  if (others() == 0) return end(ended_by_client(), Stop::kHangUp);
  const bool told = main_killed_at_ns_.has_value();
  if (ending_.has_value() || pause_.has_value() || hold_.has_value()) return;
  if (told && now() < *main_killed_at_ns_) return;
  init_.signal(told ? SIGKILL : SIGHUP);
  main_killed_at_ns_ = now() + kHangUpNs;
}

}  // namespace carrel::session
