#include "launcher/watch/session/channels.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace carrel::session {
namespace {

using protocol::Type;

constexpr uint64_t kHangUpNs = 10 * kNsPerS;
/// How long pipes that a command left behind are listened to after its end.
constexpr uint64_t kLeftBehindNs = 2 * kNsPerS;
/// How long an end waits for the sensor.
constexpr uint64_t kSensorNs = 500 * kNsPerMs;
/// How long a client may take to read the last bytes.
constexpr uint64_t kReadsNs = 60 * kNsPerS;
constexpr uint64_t kDrainMs = 2'000;
constexpr int kChunksATurn = 4;
/// A little more than the largest pipe of an ordinary user holds (1 MiB, pipe(7)).
constexpr int kChunksAtEnd = 40;
constexpr size_t kMaxCommandText = 1024;

std::vector<std::string> words_of(const Channels::Wanted& wanted) {
  if (wanted.words.empty()) return {"/bin/bash"};
  return wanted.words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word.substr(0, kMaxCommandText);
    if (text.size() > kMaxCommandText) return text.substr(0, kMaxCommandText) + "…";
  }
  return text;
}

protocol::Ended to_message(const Ending& ending) {
  protocol::Ended message;
  message.set_by(ending.by);
  message.set_code(ending.code);
  message.set_signal(ending.signal);
  message.set_error(ending.error);
  return message;
}

/// Both ends close-on-exec; the payload, another uid, may open its own by name (/dev/stdout).
Result<std::array<UniqueFd, 2>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  std::array<UniqueFd, 2> both{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (fchmod(ends[0], 0666) != 0) return errno_error("fchmod a pipe");
  return both;
}

}  // namespace

struct Channels::One {
  One(const Wanted& wanted, protocol::Connection stream, RecordLink& record, const Clock& clock)
      : number(wanted.number),
        name(wanted.name),
        tty(wanted.tty),
        client(std::move(stream)),
        output(terminal, record, client, clock, name) {}

  int32_t number;
  std::string name;
  bool tty;
  std::string command;
  ClientPort client;
  TerminalPort terminal;
  OutputRelay output;
  uint32_t columns = 0, rows = 0;
  events::TerminalResize size;
  bool started = false;
  std::optional<Ending> exited;  // its command
  uint64_t exited_ns = 0;
  uint64_t produced = 0;                 // by the sensor, at that time
  std::optional<uint64_t> killed_at_ns;  // after SIGHUP
  std::optional<Ending> why;             // it was told to end
  bool told = false;                     // the client knows the end
  uint64_t told_ns = 0;
};

Channels::Channels(protocol::Started started, std::string notice, InitPort& init,
                   RecordLink& record, const Clock& clock, std::function<Sensed()> sensed)
    : started_(std::move(started)),
      notice_(std::move(notice)),
      init_(init),
      record_(record),
      clock_(clock),
      sensed_(std::move(sensed)) {}
Channels::~Channels() = default;

Channels::One* Channels::find(int32_t number) {
  for (const auto& one : all_) {
    if (one->number == number) return one.get();
  }
  return nullptr;
}

void Channels::refuse(protocol::Connection stream, const Ending& why, bool again) {
  auto one = std::make_unique<One>(Wanted{}, std::move(stream), record_, clock_);
  one->told = true;
  one->told_ns = clock_.mono_ns();
  protocol::Ended ended = to_message(why);
  ended.set_again(again);
  one->client.send(Type::kChannelEnded, ended.SerializeAsString());
  all_.push_back(std::move(one));
}

/// `theirs`: the command's stdin, stdout and stderr.
Status Channels::make_pipes(One& one, std::vector<UniqueFd>& theirs) {
  std::vector<UniqueFd> ours;
  for (int i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(auto ends, make_pipe());
    theirs.push_back(std::move(ends[i == 0 ? 0 : 1]));
    ours.push_back(std::move(ends[i == 0 ? 1 : 0]));
  }
  return one.terminal.use_pipes(std::move(ours[0]), std::move(ours[1]), std::move(ours[2]));
}

void Channels::attach(const Wanted& wanted, protocol::Connection stream) {
  if (wanted.number <= 0 || find(wanted.number) != nullptr) {
    return refuse(std::move(stream), ended_by_setup(Error{"the broker gave a number twice"}));
  }
  if (running() >= init::kMaxChannels) {
    return refuse(std::move(stream),
                  ended_by_setup(Error{"this session has " + std::to_string(init::kMaxChannels) +
                                       " further terminals already; close one of them"}));
  }
  auto one = std::make_unique<One>(wanted, std::move(stream), record_, clock_);
  const std::vector<std::string> words = words_of(wanted);
  one->command = words.front();
  one->columns = wanted.columns;
  one->rows = wanted.rows;
  std::vector<std::string> environment;
  if (!wanted.term.empty()) environment.push_back("TERM=" + wanted.term);
  if (!wanted.lang.empty()) environment.push_back("LANG=" + wanted.lang);
  std::vector<UniqueFd> theirs;
  Status made = one->tty ? Status(Done{}) : make_pipes(*one, theirs);
  if (made.ok()) made = init_.spawn(wanted.number, one->tty, words, environment, theirs);
  if (!made.ok()) return refuse(one->client.release(), ended_by_setup(made.error()));
  record_.add(events::TerminalOpened{joined(words), one->tty ? "tty" : "pipes"}, one->name);
  if (!wanted.noticed) one->client.send(Type::kNotice, notice_);
  all_.push_back(std::move(one));
  if (!wanted.tty) begin(*all_.back());
}

/// The client may show what comes from here on, and send what its person types.
void Channels::begin(One& one) {
  protocol::Started started = started_;
  started.set_channel(static_cast<uint32_t>(one.number));
  one.client.send(Type::kChannelStarted, started.SerializeAsString());
  one.started = true;
}

void Channels::take(const init::Record& record, UniqueFd fd) {
  One* one = find(record.c);
  if (one == nullptr || one->exited.has_value()) return;
  switch (record.type) {
    case init::RecordType::kPty: {
      const Status used = one->tty ? one->terminal.use_pty(std::move(fd))
                                   : Status(Error{"carrel-init sent a terminal nobody asked for"});
      if (!used.ok()) {
        init_.signal(SIGKILL, one->number);
        one->exited = ended_by_setup(used.error());
        break;
      }
      const bool known = ClientResize::is_size(one->columns, one->rows);
      resize(*one, known ? one->columns : 80, known ? one->rows : 24);
      begin(*one);
      return;
    }
    case init::RecordType::kExited:
      one->exited = ended_by_command(record.a);
      break;
    case init::RecordType::kExecFailed:
      one->exited = ended_by_exec(record.a, one->command);
      break;
    case init::RecordType::kSetupFailed:
      one->exited = ended_by_step(record.a, record.b);
      break;
    default:
      return;
  }
  one->exited_ns = clock_.mono_ns();
  one->produced = sensed_().produced;
}

void Channels::resize(One& one, uint32_t columns, uint32_t rows) {
  const events::TerminalResize size{columns, rows};
  if (!one.tty || size == one.size || !one.terminal.resize(columns, rows).ok()) return;
  one.size = size;
  record_.add(size, one.name);
}

/// True: something was typed.
bool Channels::serve_client(One& one) {
  one.client.flush();
  if (one.terminal.input_full() || record_.full()) {
    // It is not read now, but that it has gone is seen.
    pollfd look{one.client.fd(), 0, 0};
    const bool seen = !one.client.gone() && poll(&look, 1, 0) > 0;
    if (seen && (look.revents & (POLLHUP | POLLERR)) != 0) one.client.close();
    return false;
  }
  bool typed = false;
  for (const ClientWish& wish : one.client.receive()) {
    if (const auto* input = std::get_if<ClientInput>(&wish)) {
      typed = typed || !input->bytes.empty();
      one.terminal.write(input->bytes);
    } else if (std::holds_alternative<ClientInputEnd>(wish)) {
      one.terminal.end_input();
    } else if (const auto* size = std::get_if<ClientResize>(&wish)) {
      resize(one, size->columns, size->rows);
    } else if (const auto* signal = std::get_if<ClientSignal>(&wish)) {
      init_.signal(signal->number, one.number);
    }
  }
  return typed;
}

/// What its client does not read waits, and so does the command; but not the end.
void Channels::serve_output(One& one, int chunks) {
  for (TerminalPort::Output& output : one.terminal.outputs()) {
    for (int i = 0; i < chunks && !record_.full(); ++i) {
      if (!one.output.move(output)) break;
    }
  }
}

/// A terminal ends with its leader: whoever is left on it is hung up by the kernel when the master
/// closes. Of pipes others may hold an end; they are waited for, but not for ever.
void Channels::serve_end(One& one) {
  const uint64_t now = clock_.mono_ns();
  if (!one.exited.has_value()) return end_lost(one);
  if (record_.full() || (one.client.full() && now < one.exited_ns + kReadsNs)) return;
  if (sensed_().taken < one.produced && now < one.exited_ns + kSensorNs) return;
  const bool waited = now >= one.exited_ns + kLeftBehindNs;
  if (one.tty || waited) one.terminal.finish();
  serve_output(one, kChunksAtEnd);
  if (!one.terminal.ended() && (!waited || record_.full())) return;
  const Ending lost = one.why.value_or(ended_by_client());
  end(one, one.killed_at_ns.has_value() ? lost : *one.exited);
}

/// A command whose person has gone, or that was told to end: SIGHUP, and after ten seconds SIGKILL.
void Channels::end_lost(One& one) {
  if (still_ || (!one.client.gone() && !one.why.has_value())) return;
  const uint64_t now = clock_.mono_ns();
  if (one.killed_at_ns.has_value() && now < *one.killed_at_ns) return;
  init_.signal(one.killed_at_ns.has_value() ? SIGKILL : SIGHUP, one.number);
  one.killed_at_ns = now + kHangUpNs;
}

void Channels::end(One& one, const Ending& ending) {
  events::TerminalEnded last;
  last.by = ending.by;
  last.code = static_cast<uint32_t>(ending.code);
  record_.add(std::move(last), one.name);
  one.client.send(Type::kChannelEnded, to_message(ending).SerializeAsString());
  one.told = true;
  one.told_ns = clock_.mono_ns();
}

void Channels::drop_finished() {
  const uint64_t now = clock_.mono_ns();
  std::erase_if(all_, [now](const std::unique_ptr<One>& one) {
    return one->told && (!one->client.wants_write() || now > one->told_ns + kReadsNs);
  });
}

bool Channels::serve() {
  bool typed = false;
  for (const auto& one : all_) {
    if (one->told) {
      one->client.flush();
      continue;
    }
    typed = serve_client(*one) || typed;
    one->terminal.flush();
    if (!one->client.full()) serve_output(*one, kChunksATurn);
    serve_end(*one);
  }
  drop_finished();
  return typed;
}

std::vector<pollfd> Channels::waits() const {
  std::vector<pollfd> list;
  const auto add = [&list](int fd, int events) {
    if (fd >= 0) list.push_back({fd, static_cast<short>(events), 0});
  };
  for (const auto& one : all_) {
    const bool takes = !one->told && !one->terminal.input_full() && !record_.full();
    if (!one->client.gone()) {
      add(one->client.fd(), (takes ? POLLIN : 0) | (one->client.wants_write() ? POLLOUT : 0));
    }
    if (one->told) continue;
    if (one->terminal.wants_write()) add(one->terminal.input_fd(), POLLOUT);
    if (record_.full() || one->client.full()) continue;
    for (const TerminalPort::Output& output : one->terminal.outputs()) {
      if (clock_.mono_ns() >= output.again_ns) add(output.fd.get(), POLLIN);
    }
  }
  return list;
}

void Channels::tell(Type type, std::string_view line) {
  for (const auto& one : all_) {
    if (!one->told) one->client.send(type, line);
  }
}

bool Channels::tell(const std::string& channel, Type type, std::string_view line) {
  for (const auto& one : all_) {
    if (one->name != channel || one->told || one->client.gone()) continue;
    one->client.send(type, line);
    return true;
  }
  return false;
}

bool Channels::tell_all(std::string_view prefix, Type type, std::string_view line) {
  bool told = false;
  for (const auto& one : all_) {
    if (!one->name.starts_with(prefix) || one->told || one->client.gone()) continue;
    one->client.send(type, line);
    told = true;
  }
  return told;
}

std::string Channels::name_of(int32_t number) {
  const One* one = find(number);
  return one == nullptr ? "" : one->name;
}

void Channels::hang_up(const Ending& why) {
  for (const auto& one : all_) {
    if (one->told || one->exited.has_value()) continue;
    one->why = why;
    end_lost(*one);
  }
}

size_t Channels::running() const {
  size_t count = 0;
  for (const auto& one : all_)
    count += one->told ? 0U : 1U;
  return count;
}

size_t Channels::running(std::string_view prefix) const {
  size_t count = 0;
  for (const auto& one : all_)
    count += !one->told && one->name.starts_with(prefix) ? 1U : 0U;
  return count;
}

void Channels::finish(const Ending& ending) {
  for (const auto& one : all_) {
    if (one->told) continue;
    // Where the record has failed nothing is moved: what is not recorded is not shown.
    if (!record_.failed()) one->output.drain(kDrainMs);
    end(*one, one->exited.value_or(ending));
  }
}

bool Channels::flushed() {
  for (const auto& one : all_)
    one->client.flush();
  drop_finished();
  return all_.empty();
}

}  // namespace carrel::session
