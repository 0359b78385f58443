#include "launcher/watch/session/ssh_channels.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

/// For carrel-init; the broker's own numbers stay far below.
constexpr int32_t kFirstNumber = 1 << 24;
constexpr size_t kMostCallers = 8;
constexpr uint64_t kCallerNs = 5 * kNsPerS;
/// How long the launcher may take to start a server.
constexpr uint64_t kStartNs = 30 * kNsPerS;
constexpr size_t kMaxLine = 1024;
constexpr int kReadsATurn = 4;
/// More than its pipe holds.
constexpr int kReadsAtEnd = 256;
/// How long an end waits for the sensor, and what is a log's last word.
constexpr uint64_t kSensorNs = 500 * kNsPerMs;
/// Less than this in such a time is what clients and editors send by themselves.
constexpr uint64_t kActiveBytes = 2048;
constexpr uint64_t kActiveNs = 10 * kNsPerS;

bool is_readable(int fd) {
  pollfd look{fd, POLLIN, 0};
  return fd >= 0 && poll(&look, 1, 0) > 0;
}

/// TERM and LANG: what could name a file is no such value.
std::string plain_or_nothing(const std::string& word) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+@";
  constexpr size_t kMaxWord = 64;
  const bool plain =
      word.size() <= kMaxWord && word.find_first_not_of(kAllowed) == std::string::npos;
  return plain ? word : "";
}

bool set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

}  // namespace

struct SshChannels::One {
  uint32_t number = 0;
  std::string name;
  uint64_t asked_ns = 0;
  std::unique_ptr<StreamRelay> stream;
  UniqueFd client;  // until there is a server
  bool started = false;
  uint32_t uid = 0;
  UniqueFd listener, log, pidfd, kill;
  uint32_t commands = 0;
  std::string line;  // of the log, not whole yet
  struct Caller {
    protocol::Connection connection;
    uint64_t until_ns = 0;
  };
  std::list<Caller> callers;  // that have not said yet what they want
  std::optional<Ending> why;  // it was ended by us
  bool let_in = false;        // somebody has proved who they are
  bool said_over = false;     // the server says itself that the connection is over
  uint64_t active_ns = 0;     // since when the bytes below are counted
  uint64_t active_from = 0;
  std::optional<uint64_t> ended_ns;
  uint64_t produced = 0;  // by the sensor, at that time
};

SshChannels::SshChannels(Channels& channels, RecordLink& record, const Clock& clock,
                         std::string notice, Asking asking, Refused refused,
                         std::function<Channels::Sensed()> sensed)
    : channels_(channels),
      record_(record),
      clock_(clock),
      notice_(std::move(notice)),
      asking_(std::move(asking)),
      refused_(std::move(refused)),
      sensed_(std::move(sensed)),
      last_number_(kFirstNumber) {}
SshChannels::~SshChannels() = default;

/// Before its own version line a server may send others (RFC 4253 4.2).
void SshChannels::refuse(const UniqueFd& stream, std::string_view why) {
  const std::string line = "carrel: " + std::string(why) + "\r\n";
  // A client that does not read has no use for it.
  (void)send(stream.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

SshChannels::One* SshChannels::find(uint32_t number) {
  for (const auto& one : all_) {
    if (one->number == number) return one.get();
  }
  return nullptr;
}

void SshChannels::open(const protocol::SessionAttach& wanted, UniqueFd stream) {
  if (wanted.channel() == 0 || find(wanted.channel()) != nullptr) return;
  if (all_.size() >= kMost) {
    return refuse(stream, "this session has " + std::to_string(kMost) +
                              " ssh connections already; close one of them");
  }
  protocol::StartSsh start;
  start.set_channel(wanted.channel());
  *start.mutable_access() = wanted.ssh();
  start.set_notice(notice_);
  if (!asking_(start)) return refuse(stream, "the session is ending");
  auto one = std::make_unique<One>();
  one->number = wanted.channel();
  one->name = std::to_string(wanted.channel());
  one->asked_ns = clock_.mono_ns();
  one->client = std::move(stream);
  record_.add(events::TerminalOpened{"", "ssh"}, one->name);
  all_.push_back(std::move(one));
}

void SshChannels::take_started(Message message) {
  const auto started = protocol::parse_message<protocol::SshStarted>(message);
  if (!started.ok()) return;
  One* one = find(started.value().channel());
  if (one == nullptr || one->started || one->ended_ns.has_value()) return;
  if (!started.value().error().empty() || message.fds.size() < 4 || message.fds.size() > 5) {
    if (!one->why.has_value()) refuse(one->client, started.value().error());
    if (!one->why.has_value()) one->why = ended_by_setup(Error{started.value().error()});
    one->ended_ns = clock_.mono_ns();
    return;
  }
  one->started = true;
  one->uid = started.value().uid();
  one->listener = std::move(message.fds[0]);
  one->log = std::move(message.fds[1]);
  one->pidfd = std::move(message.fds[2]);
  if (message.fds.size() == 5) one->kill = std::move(message.fds[4]);
  if (!set_nonblocking(one->log.get())) one->log.reset();
  // It was told to end, or given up, before it was there.
  if (one->why.has_value()) return kill(*one);
  one->stream = std::make_unique<StreamRelay>(std::move(one->client), std::move(message.fds[3]));
}

void SshChannels::accept_callers(One& one) {
  while (one.listener.valid() && one.callers.size() < kMostCallers) {
    UniqueFd fd(accept4(one.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (!known || peer.uid != one.uid) continue;
    one.callers.push_back({protocol::Connection(std::move(fd)), clock_.mono_ns() + kCallerNs});
  }
}

/// True when it is a command now, or never will be one.
bool SshChannels::hear_caller(One& one, protocol::Connection& caller) {
  const Result<bool> open = caller.fill();
  Result<std::optional<Message>> next = caller.next();
  if (!next.ok()) return true;
  if (!next.value().has_value()) return !open.ok() || !open.value();
  const Message message = std::move(*next.take());
  const auto asked = protocol::parse_message<protocol::AttachRequest>(message);
  if (message.type != Type::kAttachRequest || !message.fds.empty() || !asked.ok()) return true;
  if (still_.has_value()) {
    channels_.refuse(std::move(caller), *still_);
    return true;
  }
  Channels::Wanted wanted;
  wanted.number = ++last_number_;
  wanted.name = one.name + "." + std::to_string(++one.commands);
  wanted.words.assign(asked.value().command().begin(), asked.value().command().end());
  wanted.tty = asked.value().tty();
  wanted.columns = asked.value().columns();
  wanted.rows = asked.value().rows();
  wanted.term = plain_or_nothing(asked.value().term());
  wanted.lang = plain_or_nothing(asked.value().lang());
  wanted.noticed = true;
  channels_.attach(wanted, std::move(caller));
  return true;
}

void SshChannels::read_log(One& one, int reads) {
  std::array<char, 4096> part{};
  for (int i = 0; i < reads && one.log.valid(); ++i) {
    const ssize_t got = read(one.log.get(), part.data(), part.size());
    if (got < 0) return;
    if (got == 0) return one.log.reset();
    for (const char c : std::string_view(part.data(), static_cast<size_t>(got))) {
      if (c != '\n') {
        if (one.line.size() < kMaxLine) one.line += c;
        continue;
      }
      take_line(one, std::exchange(one.line, {}));
    }
  }
}

void SshChannels::take_line(One& one, std::string_view line) {
  const SshdSays says = sshd_says(line);
  one.let_in = one.let_in || says == SshdSays::kAccepted;
  one.said_over = one.said_over || says == SshdSays::kOver;
  const auto refused = refused_forward(line);
  if (refused.has_value()) refused_(refused->host, refused->port, one.name);
}

/// More than what keeps a connection alive came from its client lately.
bool SshChannels::is_active(One& one) {
  if (one.stream == nullptr) return false;
  const uint64_t now = clock_.mono_ns();
  const uint64_t bytes = one.stream->from_client();
  const bool active = bytes - one.active_from >= kActiveBytes;
  if (active || now >= one.active_ns + kActiveNs) {
    one.active_ns = now;
    one.active_from = bytes;
  }
  return active;
}

/// The launcher's answer is waited for in any case: until then a server may be on its way.
void SshChannels::check_start(One& one) {
  if (one.started || one.why.has_value() || clock_.mono_ns() < one.asked_ns + kStartNs) return;
  refuse(one.client, "the ssh server was not started in time; try again");
  one.client.reset();
  one.why = ended_by_setup(Error{"the ssh server was not started", ETIMEDOUT});
}

/// Its processes are gone, its last words read, and what the sensor saw of it is in the record.
bool SshChannels::ended(One& one) {
  const uint64_t now = clock_.mono_ns();
  if (one.started && !one.ended_ns.has_value() && is_readable(one.pidfd.get())) {
    one.ended_ns = now;
    one.produced = sensed_().produced;
  }
  if (!one.ended_ns.has_value()) return false;
  if (one.stream != nullptr) one.stream->serve();
  return sensed_().taken >= one.produced || now >= *one.ended_ns + kSensorNs;
}

void SshChannels::end(One& one, const Ending& ending) {
  read_log(one, kReadsAtEnd);
  events::TerminalEnded last;
  last.by = ending.by;
  last.code = static_cast<uint32_t>(ending.code);
  record_.add(std::move(last), one.name);
}

bool SshChannels::serve() {
  bool active = false;
  if (record_.full()) return active;
  for (const auto& one : all_) {
    check_start(*one);
    read_log(*one, kReadsATurn);
    accept_callers(*one);
    if (one->stream != nullptr) one->stream->serve();
    active = is_active(*one) || active;
    const uint64_t now = clock_.mono_ns();
    one->callers.remove_if([this, &one, now](One::Caller& caller) {
      return hear_caller(*one, caller.connection) || now >= caller.until_ns;
    });
  }
  all_.remove_if([this](const std::unique_ptr<One>& one) {
    if (!ended(*one)) return false;
    read_log(*one, kReadsAtEnd);
    Ending how{"person", 0, 0, ""};
    if (!one->said_over) how = ended_by_kill();
    if (!one->let_in) how = ended_by_setup(Error{"nobody was let in"});
    end(*one, one->why.value_or(how));
    return true;
  });
  return active;
}

std::vector<pollfd> SshChannels::waits() const {
  std::vector<pollfd> list;
  if (record_.full()) return list;
  for (const auto& one : all_) {
    // One that has ended waits for the sensor, whose own bell rings.
    if (one->ended_ns.has_value()) continue;
    for (const int fd : {one->listener.get(), one->log.get(), one->pidfd.get()}) {
      if (fd >= 0) list.push_back({fd, POLLIN, 0});
    }
    for (const One::Caller& caller : one->callers)
      list.push_back({caller.connection.fd(), POLLIN, 0});
    if (one->stream == nullptr) continue;
    for (const pollfd& wait : one->stream->waits())
      list.push_back(wait);
  }
  return list;
}

void SshChannels::take_no_more() {
  for (const auto& one : all_) {
    one->listener.reset();
    one->callers.clear();
  }
}

bool SshChannels::passed_on() const {
  return std::all_of(all_.begin(), all_.end(), [](const auto& one) {
    return one->stream == nullptr || one->stream->passed_on();
  });
}

/// What cannot be killed from here ends with its jail: the launcher kills that when we end.
void SshChannels::kill(One& one) {
  if (one.kill.valid()) {
    (void)!write(one.kill.get(), "1", 1);
  } else if (one.pidfd.valid()) {
    (void)syscall(SYS_pidfd_send_signal, one.pidfd.get(), SIGKILL, nullptr, 0);
  }
}

void SshChannels::kill() {
  take_no_more();
  for (const auto& one : all_) {
    if (!one->why.has_value()) one->why = ended_by_kill();
    kill(*one);
  }
}

size_t SshChannels::idle() const {
  return static_cast<size_t>(std::count_if(all_.begin(), all_.end(), [this](const auto& one) {
    return channels_.running(one->name + ".") == 0;
  }));
}

std::string SshChannels::finish(const Ending& ending) {
  std::string left;
  for (const auto& one : all_) {
    if (one->ended_ns.has_value() || is_readable(one->pidfd.get())) {
      end(*one, ending);
    } else if (left.empty()) {
      left = one->started ? "an ssh server of the session has not ended"
                          : "an ssh server of the session was still being started";
    }
  }
  all_.clear();
  return left;
}

SshdSays sshd_says(std::string_view line) {
  if (line.starts_with("Accepted publickey for contractor ")) return SshdSays::kAccepted;
  for (const std::string_view over :
       {"Received disconnect from ", "Disconnected from ", "Connection closed by ",
        "Connection reset by ", "Timeout, client not responding", "Closing connection to "}) {
    if (line.starts_with(over)) return SshdSays::kOver;
  }
  return SshdSays::kNothing;
}

std::optional<RefusedForward> refused_forward(std::string_view line) {
  constexpr std::string_view kBegin = "Received request from ";
  constexpr std::string_view kMiddle = " to connect to host ";
  constexpr std::string_view kPort = " port ";
  constexpr std::string_view kEnd = ", but the request was denied.";
  while (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  if (!line.starts_with(kBegin) || !line.ends_with(kEnd)) return std::nullopt;
  line.remove_suffix(kEnd.size());
  const size_t port_at = line.rfind(kPort);
  if (port_at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = line.substr(port_at + kPort.size());
  line = line.substr(0, port_at);
  const size_t host_at = line.find(kMiddle);
  if (host_at == std::string_view::npos) return std::nullopt;
  RefusedForward refused;
  refused.host = line.substr(host_at + kMiddle.size());
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), refused.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return refused;
}

}  // namespace carrel::session
