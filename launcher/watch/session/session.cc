#include "launcher/watch/session/session.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/notice.h"
#include "profiles/base/text.h"

namespace carrel::session {
namespace {

using protocol::Message;
using protocol::Type;

// Of interfaces.md 1: what carrel itself answers when a session never began.
constexpr uint32_t kFirstSetupCode = 120;
constexpr uint32_t kLastSetupCode = 123;
constexpr uint64_t kLongestTurnNs = 500 * kNsPerMs;
constexpr uint64_t kEmptyTurnNs = 20 * kNsPerMs;
constexpr int kChunksATurn = 4;

/// The launcher's own words for what it could not do; codes are those of set-up.
Ending ended_by_failure(const Message& message) {
  Ending ending = ended_by_setup(Error{"the launcher could not set the workspace up"});
  const auto failure = protocol::parse_message<protocol::Failure>(message);
  if (!failure.ok()) return ending;
  const uint32_t code = failure.value().code();
  if (code >= kFirstSetupCode && code <= kLastSetupCode) ending.code = static_cast<int32_t>(code);
  if (!failure.value().text().empty()) ending.error = quoted(failure.value().text());
  return ending;
}

}  // namespace

struct Session::Waits {
  struct Owner {
    Source source;
    size_t output = 0;
  };
  std::vector<pollfd> polls;
  std::vector<Owner> owners;

  void add(int fd, int events, Source source, size_t output = 0) {
    if (fd < 0) return;
    polls.push_back({fd, static_cast<short>(events), 0});
    owners.push_back({source, output});
  }
};

void Session::run() {
  begin();
  while (!over())
    turn();
  finish();
}

// ---- one turn ----------------------------------------------------------------------------------

void Session::turn() {
  Waits waits = this->waits();
  poll(waits.polls.data(), waits.polls.size(), timeout_ms());
  for (size_t i = 0; i < waits.polls.size(); ++i) {
    const short seen = waits.polls[i].revents;
    if (seen == 0) continue;
    // Called for its unread output, a client whose input has no room is not read: only its end is.
    if (waits.owners[i].source == Source::kClient && (seen & ~POLLOUT) == 0) {
      client_.flush();
      continue;
    }
    serve(waits.owners[i].source, waits.owners[i].output);
  }
  if (gate_opened_ns_.has_value()) inside_.serve(now());
  serve_channels();
  settle_network();
  watch_gateway();
  gateway_.flush();
  feed_.check_loss();
  record_->tick();
  check_start();
  check_limits();
  check_pause();
  check_hold();
  check_stop();
  tell_state();
}

Session::Waits Session::waits() {
  const auto out_if = [](bool wanted) { return wanted ? POLLOUT : 0; };
  Waits waits;
  if (launcher_open_) waits.add(launcher_.fd(), POLLIN, Source::kLauncher);
  waits.add(record_->fd(), POLLIN | out_if(record_->wants_write()), Source::kBroker);
  const bool takes = !terminal_.input_full() && !record_->full();
  waits.add(client_.fd(), (takes ? POLLIN : 0) | out_if(client_.wants_write()), Source::kClient);
  waits.add(init_.fd(), POLLIN, Source::kInit);
  if (!record_->full() && !flows_.full()) waits.add(gateway_.fd(), POLLIN, Source::kGateway);
  if (terminal_.wants_write()) waits.add(terminal_.input_fd(), POLLOUT, Source::kInput);
  if (watches_cgroup()) waits.add(cgroup_.events_fd(), cgroup_.events(), Source::kCgroup);
  if (gate_opened_ns_.has_value()) {
    for (const int fd : inside_.fds(now()))
      waits.add(fd, POLLIN, Source::kInside);
  }
  for (const std::vector<pollfd>& list : {channels_.waits(), ssh_.waits()}) {
    for (const pollfd& wait : list)
      waits.add(wait.fd, wait.events, Source::kChannel);
  }
  // What the broker cannot take stays where it is: the command waits, the ring fills, the kernel
  // counts.
  if (record_->full()) return waits;
  waits.add(sensor_->bell_fd(), POLLIN, Source::kSensor);
  if (client_.full() && stop_ != Stop::kKill) return waits;
  for (size_t i = 0; i < terminal_.outputs().size(); ++i) {
    const TerminalPort::Output& output = terminal_.outputs()[i];
    if (now() >= output.again_ns) waits.add(output.fd.get(), POLLIN, Source::kOutput, i);
  }
  return waits;
}

int Session::timeout_ms() const {
  const uint64_t begin = now();
  uint64_t until = begin + (watches_cgroup() ? kEmptyTurnNs : kLongestTurnNs);
  if (!record_->failed()) until = std::min(until, record_->next_due_ns());
  if (const auto next = time_.next_ns(both_clocks()); next.has_value() && !ending_.has_value()) {
    until = std::min(until, *next);
  }
  if (const auto next = flows_.until_ns(); next.has_value()) until = std::min(until, *next);
  for (const TerminalPort::Output& output : terminal_.outputs()) {
    if (output.again_ns > begin) until = std::min(until, output.again_ns);
  }
  return until <= begin ? 0 : static_cast<int>((until - begin + kNsPerMs - 1) / kNsPerMs);
}

void Session::serve(Source source, size_t output) {
  switch (source) {
    case Source::kLauncher:
      return serve_launcher();
    case Source::kBroker:
      record_->pump();
      return serve_answers();
    case Source::kClient:
      return serve_client();
    case Source::kInit:
      return serve_init();
    case Source::kInput:
      return terminal_.flush();
    case Source::kOutput:
      for (int i = 0; i < kChunksATurn && !record_->full(); ++i) {
        if (!output_.move(terminal_.outputs()[output])) break;
      }
      return;
    case Source::kSensor:
      serve_init();  // which process belongs to which channel
      feed_.take();
      return;
    case Source::kGateway:
      return serve_gateway();
    case Source::kCgroup:
    case Source::kInside:
    case Source::kChannel:
      return;  // turn() looks at them every time
  }
}

void Session::tell(Type type, std::string_view body) {
  if (launcher_.send(type, body).ok()) return;
  launcher_open_ = false;
  end(ended_by_launcher(), Stop::kKill);
}

/// The launcher says go once, or why it cannot; it ends the session by a word, or by closing its
/// side, and still wants to hear what came of it.
void Session::serve_launcher() {
  const Result<bool> open = launcher_.fill();
  launcher_open_ = open.ok() && open.value();
  while (true) {
    Result<std::optional<Message>> next = launcher_.next();
    if (next.ok() && !next.value().has_value()) break;
    std::optional<Message> message;
    if (next.ok()) message = next.take();
    if (message.has_value() && message->type == Type::kGo) {
      go_ = true;
      continue;
    }
    if (message.has_value() && message->type == Type::kEndSession) {
      launcher_ends_ = true;
      end(ended_by_launcher(), Stop::kKill);
      continue;
    }
    if (message.has_value() && message->type == Type::kWorkspace && message->fds.size() == 1) {
      cgroup_.use_init(std::move(message->fds.front()));
      continue;
    }
    if (message.has_value() && message->type == Type::kSshStarted) {
      ssh_.take_started(std::move(*message));
      continue;
    }
    if (message.has_value() && message->type == Type::kGatewayBack) {
      take_gateway_back(std::move(*message));
      continue;
    }
    if (message.has_value() && message->type == protocol::Type::kHostSpace) {
      const auto space = protocol::parse_host_space(message->body);
      if (space.ok()) take_host_space(space.value());
      continue;
    }
    const bool failed = message.has_value() && message->type == Type::kFailure;
    launcher_open_ = launcher_open_ && failed;
    if (failed) end(ended_by_failure(*message), Stop::kKill);
    break;
  }
  if (!launcher_open_) end(ended_by_launcher(), Stop::kKill);
}

void Session::serve_client() {
  client_.flush();
  for (const ClientWish& wish : client_.receive())
    carry_out(wish);
}

void Session::carry_out(const ClientWish& wish) {
  if (const auto* input = std::get_if<ClientInput>(&wish)) {
    if (!input->bytes.empty()) time_.typed(now());
    terminal_.write(input->bytes);
  } else if (std::holds_alternative<ClientInputEnd>(wish)) {
    terminal_.end_input();
  } else if (const auto* size = std::get_if<ClientResize>(&wish)) {
    resize(size->columns, size->rows);
  } else if (const auto* signal = std::get_if<ClientSignal>(&wish)) {
    this->signal(signal->number);
  }
}

/// Before the gate there is no command that could decide what a signal means: the person wants out.
void Session::signal(int number) {
  const bool ends = number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
  if (gate_opened_ns_.has_value()) {
    init_.signal(number);
  } else if (ends) {
    end(ended_by_person(), Stop::kKill);
  }
}

void Session::say(const events::Event& event) {
  limits_.see(event);
  const auto line = denials_.take(event, clock_.real_ns());
  if (!line.has_value()) return;
  if (!event.channel.empty() && channels_.tell(event.channel, Type::kHint, *line)) return;
  // A connection's own is for those who work through it; the first terminal where there is none.
  const bool forward = std::holds_alternative<events::NetForward>(event.data);
  if (forward && channels_.tell_all(event.channel + ".", Type::kHint, *line)) return;
  if (forward && !main_ended_.has_value()) return client_.send(Type::kHint, *line);
  if (event.channel.empty() && !main_ended_.has_value()) return client_.send(Type::kHint, *line);
  inform(Type::kHint, *line);
}

LiveFacts Session::live_facts() const {
  LiveFacts facts;
  facts.running_s = (now() - gate_opened_ns_.value_or(now())) / kNsPerS;
  for (const TimeRules::Left& each : time_.ends(both_clocks()))
    facts.left_s.emplace_back(each.limit, each.left_ns / kNsPerS);
  std::sort(facts.left_s.begin(), facts.left_s.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  facts.reading = limits_.reading();
  for (const model::Credential& credential : profile_.credentials) {
    if (grants_.has_credential(credential.name)) facts.credentials.push_back(credential.name);
  }
  return facts;
}

/// Sizes that a terminal has already are no news.
void Session::resize(uint32_t columns, uint32_t rows) {
  const events::TerminalResize size{columns, rows};
  if (!input_.config.spec().tty() || size == size_ || !terminal_.resize(columns, rows).ok()) return;
  size_ = size;
  record_->add(size);
}

void Session::serve_init() {
  while (true) {
    Result<std::optional<InitPort::Received>> received = init_.receive();
    if (!received.ok()) {
      init_.close();
      // After the kill this is what we wanted; before the gate nothing of the command has run.
      return end(gate_opened_ns_.has_value() ? ended_by_kill() : ended_by_setup(received.error()),
                 Stop::kKill);
    }
    if (!received.value().has_value()) return;
    take(std::move(*received.take()));
  }
}

void Session::take(InitPort::Received received) {
  const init::Record& record = received.record;
  if (record.c != 0) {
    // The first thing that its command does is recorded after this has been said.
    const std::string channel = channels_.name_of(record.c);
    if (record.type == init::RecordType::kReady && received.pid != 0 && !channel.empty()) {
      process_channels_.add_root(received.pid, channel);
    }
    return channels_.take(record, std::move(received.fd));
  }
  switch (record.type) {
    case init::RecordType::kPty: {
      const Status pty =
          input_.config.spec().tty()
              ? terminal_.use_pty(std::move(received.fd))
              : Status(Error{"carrel-init sent a terminal nobody asked for", EPROTO});
      if (!pty.ok()) end(ended_by_setup(pty.error()), Stop::kKill);
      return;
    }
    case init::RecordType::kReady:
      ready_ = true;
      return;
    case init::RecordType::kExited:
      return main_exited(record.a);
    case init::RecordType::kExecFailed:
      return end(ended_by_exec(record.a, input_.config.spec().command_size() > 0
                                             ? input_.config.spec().command(0)
                                             : "/bin/bash"),
                 Stop::kKill);
    case init::RecordType::kSetupFailed:
      return end(ended_by_step(record.a, record.b), Stop::kKill);
    case init::RecordType::kSignal:
    case init::RecordType::kSpawn:
      break;
  }
  end(ended_by_policy(Error{"carrel-init sent what is no record", EPROTO}), Stop::kKill);
}

void Session::serve_answers() {
  for (Message& answer : record_->take_answers()) {
    if (answer.type == Type::kSessionAttach) {
      attach(std::move(answer));
      continue;
    }
    if (answer.type == Type::kSessionOrder) {
      const auto order = protocol::parse_message<protocol::SessionOrder>(answer);
      if (order.ok()) take_order(order.value());
      continue;
    }
    if (answer.type == Type::kGrantAnswer) {
      const auto decided = protocol::parse_message<protocol::GrantAnswer>(answer);
      if (decided.ok()) take_decision(decided.value());
      continue;
    }
    // A credential that comes when the end has begun is not handed out any more.
    if (answer.type != Type::kMinted || ending_.has_value()) continue;
    const Status taken = leases_.take(answer, now_s());
    end_failed_credentials();
    if (taken.ok()) continue;
    end(gate_opened_ns_.has_value() ? ended_by_policy(taken.error())
                                    : ended_by_setup(taken.error()),
        Stop::kKill);
  }
}

void Session::check_limits() {
  check_client();
  if (record_->failed() && stop_ != Stop::kKill) {
    end(told_recorded_
            ? ended_by_record(record_->failure())
            : ended_by_setup(Error{"the record could not be opened: " + record_->failure()}),
        Stop::kKill);
  }
  if (sensor_->broken() && stop_ != Stop::kKill) {
    const Error why{"the sensor has gone before the workspace"};
    end(told_recorded_ ? ended_by_record(why.what) : ended_by_setup(why), Stop::kKill);
  }
  if (!gate_opened_ns_.has_value() || ending_.has_value()) return;
  for (const GrantDesk::Change& change : grants_.over(both_clocks()))
    carry_out(change);
  leases_.ask_due(now_s());
  limits_.tick(now());
  check_time();
}

}  // namespace carrel::session
