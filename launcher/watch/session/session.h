#pragma once
// The supervisor of one session: a loop over the person's client, the command's terminal,
// carrel-init, the sensor, the launcher and the broker. One thread, and the one that copies the
// ring. What it does in which order is docs/architecture.md, "How a session starts".

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "broker/wire/protocol/host_space.h"
#include "launcher/watch/session/answers.h"
#include "launcher/watch/session/cgroup_port.h"
#include "launcher/watch/session/channels.h"
#include "launcher/watch/session/client_port.h"
#include "launcher/watch/session/closing.h"
#include "launcher/watch/session/denials.h"
#include "launcher/watch/session/flow_join.h"
#include "launcher/watch/session/gateway_port.h"
#include "launcher/watch/session/grant_desk.h"
#include "launcher/watch/session/init_port.h"
#include "launcher/watch/session/inside_port.h"
#include "launcher/watch/session/limit_keeper.h"
#include "launcher/watch/session/process_channels.h"
#include "launcher/watch/session/ssh_channels.h"
#include "launcher/watch/session/time_rules.h"

namespace carrel::session {

/// Everything a session works with.
struct SessionParts {
  SessionInput input;
  model::Profile profile;
  std::unique_ptr<SensorPort> sensor;
  Difference difference;
  Clock clock;
  segments::Entropy entropy;
  evidence::SeedSource seeds;
};

class Session {
 public:
  /// Makes the first key. The launcher's channel outlives the session.
  static Result<std::unique_ptr<Session>> start(SessionParts parts, protocol::Connection& launcher);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// From event 0 to the launcher's kFinished, which follows the last byte that the client reads.
  void run();

 private:
  enum class Stop { kNo, kHangUp, kFreeze, kKill };
  /// Where poll(2)'s answers belong.
  enum class Source {
    kLauncher,
    kBroker,
    kClient,
    kInit,
    kInput,
    kOutput,
    kSensor,
    kCgroup,
    kInside,
    kGateway,
    kChannel
  };
  struct Waits;

  Session(SessionParts parts, std::unique_ptr<RecordLink> record, protocol::Connection& launcher);

  // The way to the gate.
  void begin();
  void check_start();
  void open_gate();

  // One turn of the loop.
  void turn();
  [[nodiscard]] Waits waits();
  [[nodiscard]] int timeout_ms() const;
  void serve(Source source, size_t output);
  void tell(protocol::Type type, std::string_view body);
  void serve_launcher();
  void serve_client();
  void serve_init();
  void serve_answers();
  void serve_gateway();
  void settle_network();
  void watch_gateway();
  void lose_gateway();
  void take_gateway_back(protocol::Message message);
  void tell_network(const FlowJoin::Passed& passed, uint64_t now_ns);
  void hear_gateway(uint64_t for_ns, const std::function<bool()>& done);
  std::string end_gateway();
  std::string kill_gateway();
  inside::Answer answer(const inside::Question& question);
  inside::Answer request_network(std::string_view subject);
  inside::Answer request_credential(std::string_view subject);
  inside::Answer pass_on(GrantDesk::Asked asked);
  [[nodiscard]] std::optional<uint64_t> ends_ns() const;
  void end_failed_credentials();
  void take_decision(const protocol::GrantAnswer& answer);
  void carry_out(const GrantDesk::Change& change);
  void take(InitPort::Received received);
  void carry_out(const ClientWish& wish);
  void signal(int number);
  // Further commands beside the first (session_channels.cc).
  void inform(protocol::Type type, std::string_view line);
  void attach(protocol::Message message);
  void serve_channels();
  [[nodiscard]] size_t others() const;
  [[nodiscard]] std::optional<Ending> why_nothing_begins() const;
  std::string end_ssh();
  void wait_ssh(uint64_t most_ns, const std::function<bool()>& done);
  void refuse_forward(const std::string& host, uint32_t port, const std::string& channel);
  void main_exited(int32_t wait_status);
  void check_main_left();
  void check_client();
  void say(const events::Event& event);
  [[nodiscard]] LiveFacts live_facts() const;
  void resize(uint32_t columns, uint32_t rows);

  // What people ask for, and what they are told (session_orders.cc).
  void take_order(const protocol::SessionOrder& order);
  void close(const events::PolicyOrder& order, bool now);
  void pause(const events::PolicyOrder& order);
  void resume(const events::PolicyOrder& order);
  void check_pause();
  // While the host has no room (session_hold.cc).
  void take_host_space(const protocol::HostSpace& space);
  void hold(const protocol::HostSpace& space);
  void check_hold();
  void release(const protocol::HostSpace& space);
  bool let_go_on();
  void check_time();
  void tell_state();
  [[nodiscard]] protocol::SessionState state() const;
  [[nodiscard]] TimeRules::Now both_clocks() const { return {now(), clock_.real_ns()}; }

  // The way to the end.
  void end(Ending ending, Stop how);
  void kill();
  void check_limits();
  void check_stop();
  [[nodiscard]] bool watches_cgroup() const;
  [[nodiscard]] bool over() const;
  void finish();
  void let_client_read();
  [[nodiscard]] uint64_t now() const { return clock_.mono_ns(); }
  [[nodiscard]] uint64_t now_s() const { return clock_.real_ns() / kNsPerS; }

  SessionInput input_;
  model::Profile profile_;
  Clock clock_;
  std::unique_ptr<SensorPort> sensor_;
  Difference difference_;
  protocol::Connection& launcher_;
  std::unique_ptr<RecordLink> record_;
  ClientPort client_;
  InitPort init_;
  CgroupPort cgroup_;
  TerminalPort terminal_;
  Judge judge_;
  Denials denials_;
  ProcessChannels process_channels_;
  FlowJoin flows_;
  SensorFeed feed_;
  LeaseKeeper leases_;
  LimitKeeper limits_;
  OutputRelay output_;
  Channels channels_;
  SshChannels ssh_;
  Answers answers_;
  GrantDesk grants_;
  InsidePort inside_;
  GatewayPort gateway_;

  bool gateway_over_ = false;   // the launcher has ended it
  uint32_t gateway_times_ = 0;  // how many have taken another one's place
  uint64_t began_ns_ = 0;
  bool launcher_open_ = true, launcher_ends_ = false, ready_ = false, told_recorded_ = false,
       go_ = false;
  std::optional<uint64_t> gate_opened_ns_;
  TimeRules time_;
  struct Pause {
    events::PolicyOrder order;
    uint64_t since_ns = 0;  // since 1970
    bool frozen = false;    // the kernel has said so
  };
  std::optional<Pause> pause_;
  struct Hold {
    protocol::HostSpace space;
    bool frozen = false;    // the kernel has said so
    uint64_t since_ns = 0;  // of 1970, then
  };
  std::optional<Hold> hold_;      // beside a pause, and neither ends the other
  uint64_t host_mark_bytes_ = 0;  // what must be left on its disk; 0: not said
  std::string told_state_;
  uint64_t told_state_ns_ = 0;
  events::TerminalResize size_;
  std::vector<protocol::Message> early_;  // to be attached when the first command runs
  // The first command has ended, and others go on: the last of them ends the session.
  std::optional<Ending> main_ended_;
  uint64_t main_ended_at_ns_ = 0;
  bool main_left_ = false;                     // its client knows
  std::optional<uint64_t> main_killed_at_ns_;  // its client has gone
  std::optional<Ending> ending_;
  Stop stop_ = Stop::kNo;
  uint64_t stop_deadline_ns_ = 0;
  bool empty_ = false;
};

}  // namespace carrel::session
