#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <cerrno>
#include <vector>

#include "launcher/service/opener.h"
#include "profiles/base/text.h"

namespace carrel::service {

using protocol::Type;

namespace {

constexpr int kPersonLeft = 125;
constexpr int kKilled = 137;
constexpr int kEmptyMs = 10'000;
constexpr int kTellMs = 120'000;  // what a session may take to close its record

protocol::Ended to_ended(const std::optional<protocol::Finished>& finished) {
  protocol::Ended ended;
  if (!finished.has_value()) {
    ended.set_by("kill");
    ended.set_code(kKilled);
    ended.set_error("the session's supervisor was killed; its record is not closed");
    return ended;
  }
  ended.set_by(finished->by());
  ended.set_code(finished->code());
  ended.set_signal(finished->signal());
  ended.set_error(finished->error());
  return ended;
}

/// A person who wanted out before anything began.
}  // namespace

void Opener::end_box() {
  const Status servers = ssh_.has_value() ? ssh_->end_all() : Status(Done{});
  if (!servers.ok()) {
    tools_.log("session.ssh_left session=" + opening_.spec.session() +
               " why=" + quoted(to_string(servers.error())));
  }
  const Status empty = opening_.cgroup != nullptr ? opening_.cgroup->kill_all(kEmptyMs)
                                                  : sandbox::end_by_init(box_, kEmptyMs);
  if (!empty.ok()) {
    tools_.log("session.not_empty session=" + opening_.spec.session() +
               " why=" + quoted(to_string(empty.error())));
  }
  if (box_.pid > 0) {
    while (waitpid(box_.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  box_.pid = -1;
}

void Opener::undo() {
  for (auto each = undos_.rbegin(); each != undos_.rend(); ++each)
    (*each)();
  undos_.clear();
}

void Opener::tell(const protocol::Ended& ended) {
  // A client that is gone hears nothing; the record has it all the same.
  (void)protocol::send_message(opening_.client, Type::kEnded, ended).ok();
}

/// Set-up failed: the payload never ran, and nothing of it is left but a record that says so where
/// one had begun.
void Opener::fail(const Status& why) {
  const std::string text = to_string(why.error());
  tools_.log("session.failed session=" + opening_.spec.session() + " why=" + quoted(text));
  if (recorder_.has_value() && !finished_.has_value()) recorder_->fail(code_, text);
  end_box();
  if (recorder_.has_value()) recorder_->reap(kLastWordsMs);
  if (notifier_.has_value()) notifier_->reap(kLastWordsMs);
  end_way_out();
  undo();
  // What the session says of its end is what its record says.
  if (finished_.has_value()) return tell(to_ended(finished_));
  tell(person_left_ ? ended_by_person() : setup_failure(code_, text));
}

void Opener::supervise() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  const UniqueFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  bool done = false;
  bool hung_up = false;
  bool hears = true;
  bool runs = true;  // carrel-init does, and with it whatever writes into the workspace
  while (!done) {
    // Without anything that runs inside, another gateway would serve no one.
    const bool mends = way_out_.has_value() && runs && !hung_up;
    // One that was told to end and does not is ended by the caller, as one that died.
    std::vector<pollfd> waits{{recorder_->fd(), POLLIN, 0},
                              {hung_up ? -1 : signals.get(), POLLIN, 0},
                              {hears && !hung_up ? opening_.server.fd() : -1, POLLIN, 0},
                              {runs ? box_.pidfd.get() : -1, POLLIN, 0},
                              {mends ? way_out_->control_fd() : -1, POLLIN, 0}};
    const std::vector<pollfd> servers = ssh_->waits();
    waits.insert(waits.end(), servers.begin(), servers.end());
    const int patience = hung_up ? kTellMs : mends ? gateway_patience_ms() : -1;
    const int count = poll(waits.data(), waits.size(), patience);
    if ((count < 0 && errno != EINTR) || (count == 0 && hung_up)) break;
    if (waits[1].revents != 0) {
      recorder_->hang_up();
      hung_up = true;
    }
    if (waits[2].revents != 0) hears = pass_on_host_space();
    if (waits[3].revents != 0) {
      runs = false;
      hand_disk_over();
    }
    ssh_->serve();
    done = waits[0].revents != 0 && hear_session();
    if (done || !mends || hung_up || !runs) continue;
    if (waits[4].revents != 0) lose_gateway();
    mend_gateway();
  }
}

void Opener::run() {
  const Status opened = open();
  if (!opened.ok()) {
    fail(opened);
    return;
  }
  undos_.clear();  // from here on the workspace is the contractor's
  supervise();
  end_box();
  tell(to_ended(finished_));
  recorder_->reap(kLastWordsMs);
  if (notifier_.has_value()) notifier_->reap(kLastWordsMs);
  end_way_out();
}

protocol::Ended ended_by_person() {
  protocol::Ended ended;
  ended.set_by("person");
  ended.set_code(kPersonLeft);
  ended.set_error("ended before the command began");
  return ended;
}

protocol::Ended setup_failure(int code, const std::string& text) {
  protocol::Ended ended;
  ended.set_by("setup");
  ended.set_code(code);
  ended.set_error(text);
  return ended;
}

}  // namespace carrel::service
