#include "launcher/cli/open/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/cli/open/status_lines.h"
#include "launcher/watch/terminal/raw_mode.h"
#include "launcher/watch/terminal/shown.h"

namespace carrel::open {
namespace {

using protocol::Connection;
using protocol::Message;
using protocol::Type;

/// Input waits in the session's socket, never in this process.
constexpr size_t kMaxQueued = size_t{256} << 10;
constexpr size_t kMostHeld = 16;
constexpr int kPersonLeft = 125;
constexpr int kKilled = 137;

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t taken = write(fd, bytes.data(), bytes.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      poll(&wait, 1, -1);
      continue;
    }
    if (taken < 0) return errno_error("write output");
    bytes.remove_prefix(static_cast<size_t>(taken));
  }
  return Done{};
}

class Relay {
 public:
  Relay(Connection& launcher, Connection& session, const RelayOptions& options)
      : launcher_(launcher), session_(session), options_(options) {}

  Result<RelayResult> run();

 private:
  Status loop();
  Status turn();
  Status on_launcher();
  Status take_from_launcher(const Message& message);
  Status begin(const Message& message);
  void give_up(const std::string& why);
  Status on_session();
  Status on_stdin();
  void on_signal();
  void want_out();
  void hang_up();
  Status show(const Message& message);
  Status put(int fd, std::string_view bytes);
  void notice(const std::string& text);
  void own_line(const std::string& text);
  void hint(const std::string& text);
  void show_hint(const std::string& text);
  void hold(const std::string& text);
  void show_held();

  Connection& launcher_;
  Connection& session_;
  RelayOptions options_;
  RelayResult result_;
  std::optional<terminal::RawMode> raw_;
  sigset_t before_{};  // what was blocked
  UniqueFd signals_;
  bool session_open_ = true;
  bool launcher_done_ = false;
  bool launcher_gone_ = false;
  bool stdin_open_ = true;
  bool stdout_broken_ = false;
  terminal::Shown shown_;
  std::vector<std::string> held_;
  size_t not_held_ = 0;
};

/// The command's bytes.
Status Relay::put(int fd, std::string_view bytes) {
  const Status written = write_all(fd, bytes);
  if (written.ok() && isatty(fd) == 1) shown_.feed(bytes);
  if (!shown_.full_screen()) show_held();
  return written;
}

/// Carrel's own line, to stderr; a raw terminal needs the carriage return. It begins a line of its
/// own, whatever the command has left on the screen.
void Relay::own_line(const std::string& text) {
  std::string line;
  if (shown_.line_open() && isatty(STDERR_FILENO) == 1) line = raw_.has_value() ? "\r\n" : "\n";
  shown_.end_line();
  for (const char c : text) {
    if (c == '\n' && raw_.has_value()) line += '\r';
    line += c;
  }
  if (!write_all(STDERR_FILENO, line).ok()) return;  // nowhere left to say it
}

/// What the person has to know now is shown over an editor, too, and again once that has gone: its
/// next redraw loses it.
void Relay::notice(const std::string& text) {
  if (shown_.full_screen() && isatty(STDERR_FILENO) == 1) hold(text);
  own_line(text);
}

/// An editor would be scribbled over, and its next redraw lose the line: it waits.
void Relay::hint(const std::string& text) {
  if (!shown_.full_screen() || isatty(STDERR_FILENO) != 1) return show_hint(text);
  hold(text);
}

void Relay::hold(const std::string& text) {
  if (held_.size() < kMostHeld) return held_.push_back(text);
  ++not_held_;
}

void Relay::show_held() {
  for (const std::string& text : std::exchange(held_, {}))
    show_hint(text);
  const size_t more = std::exchange(not_held_, 0);
  if (more > 0) show_hint("carrel: " + std::to_string(more) + " more came meanwhile.\n");
}

/// Dim, where that does not end up in a file.
void Relay::show_hint(const std::string& text) {
  if (isatty(STDERR_FILENO) != 1 || !text.ends_with('\n')) return own_line(text);
  own_line("\x1b[2m" + text.substr(0, text.size() - 1) + "\x1b[22m\n");
}

Status Relay::show(const Message& message) {
  if (message.type == Type::kChannelStarted && options_.attached) return begin(message);
  if (message.type == Type::kChannelEnded) {
    ASSIGN_OR_RETURN(result_.ended, protocol::parse_message<protocol::Ended>(message));
    launcher_done_ = true;
    result_.left_behind = true;
    return Done{};
  }
  if (message.type == Type::kNotice) {
    notice(message.body);
    return Done{};
  }
  if (message.type == Type::kHint) {
    hint(message.body);
    return Done{};
  }
  if (message.type == Type::kStderr) {
    const Status written = put(STDERR_FILENO, message.body);
    if (!written.ok() && written.error().sys_errno != EPIPE) return written.error();
    return Done{};
  }
  if (message.type != Type::kStdout) return Error{"the session spoke out of turn", EPROTO};
  if (stdout_broken_) return Done{};
  const Status written = put(STDOUT_FILENO, message.body);
  if (!written.ok()) {
    // The reader of our output has gone: tell the session, as a pipe would.
    stdout_broken_ = true;
    protocol::Signal signal;
    signal.set_number(SIGPIPE);
    // A session that has ended needs no signal.
    (void)protocol::queue_message(session_, Type::kSignal, signal).ok();
  }
  return Done{};
}

Status Relay::on_session() {
  const Result<bool> open = session_.fill();
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Message> message, session_.next());
    if (!message.has_value()) break;
    RETURN_IF_ERROR(show(*message));
  }
  if (!open.ok() || !open.value()) session_open_ = false;
  if (session_open_ || launcher_done_ || !options_.attached) return Done{};
  launcher_gone_ = true;
  return Error{"the session has gone", ECONNRESET};
}

Status Relay::take_from_launcher(const Message& message) {
  if (message.type == Type::kEnded) {
    ASSIGN_OR_RETURN(result_.ended, protocol::parse_message<protocol::Ended>(message));
    launcher_done_ = true;
    return Done{};
  }
  if (message.type != Type::kStarted) return Error{"the launcher spoke out of turn", EPROTO};
  return begin(message);
}

Status Relay::begin(const Message& message) {
  ASSIGN_OR_RETURN(result_.started, protocol::parse_message<protocol::Started>(message));
  result_.was_started = true;
  if (options_.status_fd >= 0) {
    RETURN_IF_ERROR(write_all(options_.status_fd, started_line(result_.started)));
  }
  if (options_.tty) {
    ASSIGN_OR_RETURN(terminal::RawMode raw, terminal::RawMode::enter(STDIN_FILENO));
    raw_.emplace(std::move(raw));
  }
  return Done{};
}

Status Relay::on_launcher() {
  const Result<bool> open = launcher_.fill();
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Message> message, launcher_.next());
    if (!message.has_value()) break;
    RETURN_IF_ERROR(take_from_launcher(*message));
  }
  launcher_gone_ = (!open.ok() || !open.value()) && !launcher_done_;
  if (launcher_gone_) {
    return Error{"the launcher has gone; the session was ended", ECONNRESET};
  }
  return Done{};
}

Status Relay::on_stdin() {
  std::array<char, 65536> buffer{};
  const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return Done{};
  if (got <= 0) {
    stdin_open_ = false;
    if (options_.tty) {  // raw, so that no key means this
      hang_up();
      return Done{};
    }
    return session_.queue(Type::kStdinEnd, "");
  }
  return session_.queue(Type::kStdin, {buffer.data(), static_cast<size_t>(got)});
}

/// A terminal without its person: the session ends as for a client that has gone.
void Relay::hang_up() {
  session_.close();
  session_open_ = false;
  if (options_.attached) give_up("");
}

/// Nobody else will tell us how it ended.
void Relay::give_up(const std::string& why) {
  result_.ended.set_by("person");
  result_.ended.set_code(kPersonLeft);
  result_.ended.set_error(why);
  launcher_done_ = true;
}

/// Before there is a session nobody reads its stream: the launcher sees that we say no more.
void Relay::want_out() {
  if (result_.was_started) return;
  result_.wanted_out = true;
  if (!options_.attached) {
    (void)shutdown(launcher_.fd(), SHUT_WR);
    return;
  }
  session_.close();
  session_open_ = false;
  give_up("given up before it began");
}

/// What cannot be sent goes to a session that has just ended: its end is on its way to us.
void Relay::on_signal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof info) != sizeof info || !session_open_) return;
  if (info.ssi_signo == SIGWINCH) {
    if (!options_.tty) return;
    const terminal::WindowSize size = terminal::window_size(STDIN_FILENO);
    protocol::Resize resize;
    resize.set_columns(size.columns);
    resize.set_rows(size.rows);
    (void)protocol::queue_message(session_, Type::kResize, resize).ok();
    return;
  }
  const auto number = static_cast<int>(info.ssi_signo);
  if (number != SIGUSR1 && number != SIGUSR2) want_out();
  if (!session_open_) return;
  protocol::Signal signal;
  signal.set_number(number);
  (void)protocol::queue_message(session_, Type::kSignal, signal).ok();
}

Status Relay::turn() {
  const bool take_input =
      stdin_open_ && session_open_ && result_.was_started && session_.queued_bytes() < kMaxQueued;
  // The terminal is made raw when the session has started: not a byte of it is shown before.
  const bool take_output =
      session_open_ && (result_.was_started || launcher_done_ || options_.attached);
  std::array<pollfd, 4> waits{
      pollfd{launcher_done_ ? -1 : launcher_.fd(), POLLIN, 0},
      pollfd{take_output ? session_.fd() : -1,
             static_cast<short>(POLLIN | (session_.wants_write() ? POLLOUT : 0)), 0},
      pollfd{take_input ? STDIN_FILENO : -1, POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0}};
  const int count = poll(waits.data(), waits.size(), launcher_done_ ? 5000 : -1);
  if (count < 0 && errno != EINTR) return errno_error("poll");
  if (count < 0) return Done{};
  // A descriptor of the stream outlived the session; its bytes are all here.
  if (count == 0 && launcher_done_) session_open_ = false;
  if (waits[3].revents != 0) on_signal();
  if ((waits[1].revents & POLLOUT) != 0 && !session_.flush().ok()) session_open_ = false;
  if ((waits[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) RETURN_IF_ERROR(on_session());
  if (waits[0].revents != 0) RETURN_IF_ERROR(on_launcher());
  if (waits[2].revents != 0 && !on_stdin().ok()) stdin_open_ = false;
  return Done{};
}

Status Relay::loop() {
  sigset_t set{};
  sigemptyset(&set);
  for (const int number : {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
    sigaddset(&set, number);
  }
  sigprocmask(SIG_BLOCK, &set, &before_);
  signal(SIGPIPE, SIG_IGN);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return errno_error("signalfd");
  while (!launcher_done_ || session_open_)
    RETURN_IF_ERROR(turn());
  return Done{};
}

Result<RelayResult> Relay::run() {
  const Status relayed = loop();
  show_held();
  raw_.reset();
  // Nothing has begun: from now on a signal means what it meant before.
  if (!result_.was_started) sigprocmask(SIG_SETMASK, &before_, nullptr);
  if (relayed.ok()) return result_;
  if (!result_.was_started) return relayed.error();
  // The command may have run: whatever went wrong here is no failed set-up.
  result_.ended.set_by(launcher_gone_ ? "kill" : "person");
  result_.ended.set_code(launcher_gone_ ? kKilled : kPersonLeft);
  result_.ended.set_error(to_string(relayed.error()));
  return result_;
}

}  // namespace

Result<RelayResult> relay(Connection& launcher, Connection& session, const RelayOptions& options) {
  return Relay(launcher, session, options).run();
}

}  // namespace carrel::open
