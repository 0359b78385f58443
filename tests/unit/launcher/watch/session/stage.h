#pragma once
// Everything around a session, played by the test on one thread: launcher, client, carrel-init with
// a payload's pipes, a cgroup of two files, and the broker's own LiveSession with its store.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/record/verify/verify.h"
#include "broker/service/monitor/live_session.h"
#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/box/init/init_plan.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"
#include "tests/support/folder.h"

namespace carrel::session_test {

inline constexpr const char* kSession = "01hzw00000000000000000000s";

/// One repository "app" (read docs, write src/own, never src/own/secret), one credential "ci".
extern const char* const kProfile;

class Stage {
 public:
  struct Options {
    bool failure_with_config = false;  // the launcher gave up right after it had sent all
    bool tty = false;
    uint64_t max_duration_s = 0;
    uint64_t idle_timeout_s = 0;
    bool can_freeze = true;
    uint64_t credential_life_s = 120;
    credentials::Kind credential_kind = credentials::Kind::kJwt;
    uid_t uid = 0;          // who is to own what the session writes; 0: the caller
    bool rootless = false;  // no cgroup, and a pipe of carrel-notify's for a ring
  };
  explicit Stage(const Options& options);
  Stage() : Stage(Options()) {}

  /// What the launcher sends. The descriptors in it are the session's own from then on.
  protocol::Message config(UniqueFd ring, UniqueFd counters, uint32_t ring_bytes = 0);

  /// Plays until the condition holds; false when that takes longer than `timeout_ms`.
  bool until(const std::function<bool()>& done, int timeout_ms = 10'000);
  /// The payload stands at the gate; plays until it is open.
  bool open_gate();
  /// The main command ends with this wait status.
  void exit_command(int wait_status);
  /// Everything inside is gone; happens by itself unless `dies_when_killed` is false.
  void empty_cgroup();
  void tell(init::RecordType type, int32_t a = 0, int32_t b = 0, int fd = -1, int32_t c = 0);
  void type(std::string_view bytes);  // on the client
  void write_out(std::string_view bytes, int fd);

  /// What the broker knows of how the session stands.
  [[nodiscard]] const protocol::SessionState& state() const { return live_->state(); }

  /// After the end: the broker's row and record.
  store::SessionRow end_record();
  [[nodiscard]] verify::VerifyReport verify() const;
  [[nodiscard]] std::vector<events::Event> record() const;
  [[nodiscard]] std::string read_blob(const std::string& sha256) const;
  /// The bytes of one stream in the record.
  [[nodiscard]] std::string recorded_output(std::string_view stream) const;
  template <typename Data>
  [[nodiscard]] std::vector<events::Event> events_of() const {
    std::vector<events::Event> some;
    for (const events::Event& event : record()) {
      if (std::holds_alternative<Data>(event.data)) some.push_back(event);
    }
    return some;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] const model::Profile& profile() const { return profile_; }

  // The test's ends.
  protocol::Connection launcher, client, broker;
  UniqueFd init, gate;
  UniqueFd stdin_fd, stdout_fd, stderr_fd;             // the payload's
  UniqueFd cgroup_events, cgroup_kill, cgroup_freeze;  // replaced by real ones in the sandbox tests

  // What was seen.
  std::string out, err, notices;
  std::vector<int> signals, signalled;        // and the channels that they were for
  std::vector<std::string> spawned;           // requests for further commands, as packets
  std::vector<protocol::Message> ssh_wanted;  // servers that the launcher was asked for
  std::string frozen = "0";                   // as the kernel would say
  bool gate_open = false, killed = false, recorded = false, client_closed = false;
  std::optional<protocol::Finished> finished;
  uint32_t reader_tid = 0;

  // How the others behave.
  bool say_go = true;
  bool dies_when_killed = true;
  bool freezes = true;
  bool broker_answers = true;
  bool client_reads = true;
  // What a credential that needs a secret is made from.
  std::function<Result<Secret>()> secret = [] {
    return Result<Secret>(Secret("hunter2-and-more"));
  };

  // The session's side of the launcher's channel.
  UniqueFd control;

 private:
  void play();
  void play_broker();
  void play_launcher();
  void play_client();
  void play_init();
  void play_cgroup();
  void start_broker();

  Options options_;
  support::Folder folder_;
  model::Profile profile_;
  std::string canonical_;
  evidence::SigningKey broker_key_;
  World world_;
  std::unique_ptr<credentials::Issuer> issuer_;
  UniqueFd store_fd_;
  std::optional<store::RecordFolder> records_;
  std::unique_ptr<monitor::LiveSession> live_;
  std::vector<UniqueFd> theirs_;  // client, broker, init
  UniqueFd gate_write_, pipes_[3];
};

}  // namespace carrel::session_test
