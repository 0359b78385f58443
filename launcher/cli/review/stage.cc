#include "launcher/cli/review/stage.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>

#include "launcher/watch/terminal/raw_mode.h"
#include "profiles/base/unique_fd.h"

namespace carrel::review {
namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr char kControlC = 3;

uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNsPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

replay::Key key_of(char byte) {
  switch (byte) {
    case 'q':
    case 'Q':
    case kControlC:
      return replay::Key::kQuit;
    case ' ':
      return replay::Key::kPause;
    case '+':
    case '=':
      return replay::Key::kFaster;
    case '-':
    case '_':
      return replay::Key::kSlower;
    default:
      return replay::Key::kNone;
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
    } else if (errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      poll(&wait, 1, 1000);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct TerminalStage::State {
  int in_fd = -1;
  int out_fd = -1;
  bool has_keys = false;
  bool on_stage = false;
  int signal = 0;
  sigset_t held{};
  sigset_t before{};
  UniqueFd signals;
  std::optional<terminal::RawMode> raw;
  std::deque<replay::Key> keys;

  replay::Key take_signal() {
    signalfd_siginfo info{};
    if (read(signals.get(), &info, sizeof info) != sizeof info) return replay::Key::kNone;
    if (info.ssi_signo == SIGWINCH) return replay::Key::kRedraw;
    if (info.ssi_signo == SIGTSTP) return replay::Key::kNone;
    signal = static_cast<int>(info.ssi_signo);
    return replay::Key::kQuit;
  }

  void take_keys() {
    char bytes[256];
    const ssize_t got = read(in_fd, bytes, sizeof bytes);
    if (got <= 0) {
      // The terminal has hung up: nobody is looking any more.
      if (got == 0 || (errno != EINTR && errno != EAGAIN)) keys.push_back(replay::Key::kQuit);
      return;
    }
    for (const char byte : std::string_view(bytes, static_cast<size_t>(got))) {
      const replay::Key key = key_of(byte);
      if (key != replay::Key::kNone) keys.push_back(key);
    }
  }

  replay::Key wait(uint64_t real_ns) {
    if (keys.empty()) {
      pollfd waits[2] = {{signals.get(), POLLIN, 0}, {has_keys ? in_fd : -1, POLLIN, 0}};
      const timespec limit{static_cast<time_t>(real_ns / kNsPerSecond),
                           static_cast<long>(real_ns % kNsPerSecond)};
      if (ppoll(waits, 2, &limit, nullptr) <= 0) return replay::Key::kNone;
      if (waits[0].revents != 0) return take_signal();
      if (waits[1].revents != 0) take_keys();
    }
    if (keys.empty()) return replay::Key::kNone;
    const replay::Key key = keys.front();
    keys.pop_front();
    return key;
  }
};

TerminalStage::TerminalStage(std::unique_ptr<State> state) : state_(std::move(state)) {}

TerminalStage::~TerminalStage() {
  leave();
}

Result<std::unique_ptr<TerminalStage>> TerminalStage::enter(int in_fd, int out_fd) {
  auto state = std::make_unique<State>();
  state->in_fd = in_fd;
  state->out_fd = out_fd;
  state->has_keys = isatty(in_fd) == 1;
  sigemptyset(&state->held);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH})
    sigaddset(&state->held, number);
  state->signals.reset(signalfd(-1, &state->held, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!state->signals.valid()) return errno_error("signalfd");
  sigprocmask(SIG_BLOCK, &state->held, &state->before);
  if (state->has_keys) {
    auto raw = terminal::RawMode::enter(in_fd);
    if (!raw.ok()) {
      sigprocmask(SIG_SETMASK, &state->before, nullptr);
      return raw.take_error();
    }
    state->raw.emplace(raw.take());
  }
  state->on_stage = true;
  std::unique_ptr<TerminalStage> out(new TerminalStage(std::move(state)));
  if (!write_all(out_fd, replay::Frames::enter())) return errno_error("write to the terminal");
  return out;
}

replay::Stage TerminalStage::stage() {
  State* state = state_.get();
  return {monotonic_ns, [state](uint64_t real_ns) { return state->wait(real_ns); },
          [state](std::string_view bytes) { return write_all(state->out_fd, bytes); },
          [state] {
            const terminal::WindowSize size = terminal::window_size(state->out_fd);
            return screen::clamped({size.columns, size.rows});
          }};
}

void TerminalStage::leave() {
  if (!state_->on_stage) return;
  state_->on_stage = false;
  (void)write_all(state_->out_fd, replay::Frames::leave());
  if (state_->raw) state_->raw->restore();
  sigprocmask(SIG_SETMASK, &state_->before, nullptr);
}

int TerminalStage::signal() const {
  return state_->signal;
}

}  // namespace carrel::review
