#pragma once
// The launcher's one loop: takes requests, has the broker confirm their tickets, gives each opening
// a process of its own, and cleans up after it. Ends itself a minute after the last session; as a
// service of the host it goes on, with another broker where one is lost.

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/wire/protocol/connection.h"
#include "launcher/box/kernel/cgroup.h"
#include "launcher/box/kernel/mount_namespace.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/box/trace/tracer.h"
#include "launcher/service/broker_link.h"
#include "launcher/service/host_watch.h"
#include "launcher/service/lingering.h"
#include "launcher/service/opening.h"
#include "launcher/service/slots.h"
#include "launcher/service/state.h"
#include "launcher/service/way_out.h"
#include "launcher/service/way_pool.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

/// What the server is made of; all of it outlives the server.
struct ServerParts {
  const plan::HostFacts& facts;
  const State& state;
  const kernel::CgroupFolder* cgroups;  // null: this user is given none
  const Programs& programs;
  const kernel::MountNamespaces& namespaces;
  trace::Tracer* tracer = nullptr;  // null: the sensor is another one, or there is none
  BrokerLink& broker;
  const Log& log;
  const Porter& porter;
  std::optional<uid_t> caller;  // the ordinary user who is uid 0 of this user namespace
  uint64_t idle_ms = 60'000;
  uint64_t host_floor_bytes = 0;
  uint64_t host_low_bytes = 0;  // 0: nobody is held
  bool is_service = false;      // of the whole host
  uint64_t linger_ms = 60'000;  // that a session's disk stays mounted after it; 0: it does not
};

class Server {
 public:
  explicit Server(const ServerParts& parts)
      : parts_(parts), lingering_({.keep_ms = parts.linger_ms}), host_(parts.host_low_bytes) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until nobody has needed it for `idle_ms`, the broker is lost (openings then end first),
  /// or SIGTERM came; as a service until SIGTERM, or until no broker lives for a minute (an Error).
  /// SIGCHLD and SIGTERM must be blocked. One thread.
  Status run();

 private:
  struct Client {
    protocol::Connection connection;
    uid_t uid = 0;
    uint64_t deadline_ms = 0;
  };
  /// A request that the broker has confirmed.
  struct Granted {
    protocol::Connection client;
    protocol::LaunchRequest request;
    std::vector<UniqueFd> fds;
    protocol::SessionSpec spec;
    uint64_t deadline_ms = 0;
    bool beside_opening = false;  // another opening at its workspace was under way when it came
  };
  struct Live {
    pid_t pid = -1;
    std::string session;
    std::string workspace;
    uint32_t uid_base = 0;
    uint32_t slicer_uid_base = 0;
    std::unique_ptr<kernel::CgroupLeaf> cgroup;
    uint32_t sensor_slot = 0;
    bool started = false;                        // the broker knows of it
    std::optional<bool> told_low;                // of the host's room
    std::optional<storage::WorkspaceDisk> disk;  // from an opening that is about to end
    protocol::Connection channel;
  };

  /// A way out that waits for its opening.
  struct ReadyWay {
    WayOut way;
    uint32_t uid_base = 0;  // the slot that goes with it; 0: an ordinary user has none
  };

  Status wait();
  void notice_lost_broker(uint64_t now_ms);
  void plan_restart(uint64_t now_ms);
  void restart_broker(uint64_t now_ms);
  void note_lost_secrets(int status, uint64_t now_ms);
  void restart_secrets(uint64_t now_ms);
  void take_connections();
  void serve(Client& client);
  void begin(protocol::Connection client, protocol::Message message);
  [[nodiscard]] const Live* find_live(const std::string& workspace) const;
  void take_turn(Granted granted, uint64_t now_ms);
  void serve_waiting(uint64_t now_ms);
  void launch(Granted granted);
  void end_workspace(protocol::Connection client, const protocol::Message& message,
                     uint64_t now_ms);
  void serve_ending(uint64_t now_ms);
  void erase(protocol::Connection& client, const std::string& workspace);
  void erase_due(uint64_t now_ms);
  Result<std::string> erase_and_record(const std::string& workspace);
  void watch_host(uint64_t now_ms);
  [[nodiscard]] std::optional<std::string> why_no_room() const;
  void tell_host_space(Live& live);
  Status prepare(Opening& opening, Live& live);
  Status take_slots(Opening& opening, Live& live);
  Status make_group(Opening& opening, Live& live);
  bool release(Live& live);
  Status spawn(Opening& opening, Live& live);
  [[noreturn]] void become_opening(Opening& opening, pid_t server);
  void leave_others_alone();
  void fill_pool_aside(uint64_t now_ms);
  [[nodiscard]] uint64_t look_again_ms(uint64_t now_ms) const;
  [[nodiscard]] bool is_opening() const;
  void add_way_aside(uint64_t now_ms);
  void take_way(Opening& opening, Live& live, uint64_t now_ms);
  void end_ways(std::vector<ReadyWay> ways);
  void answer(Live& live);
  void answer_start(Live& live, const protocol::Message& message);
  void take_disk(Live& live, protocol::Message message);
  void write_back(Live& live, std::vector<UniqueFd> overlays);
  bool end_writer(pid_t pid, int status);
  [[nodiscard]] bool is_being_written(const std::string& workspace) const;
  void keep_disk(Live& live, uint64_t now_ms);
  void give_up_disks(uint64_t now_ms);
  void reap();
  void finish(Live& live, int status);
  void sweep(const Live& live);
  void stop();
  bool may_end();
  bool is_alone();

  ServerParts parts_;
  Slots slots_;
  UniqueFd signals_;
  std::list<Client> clients_;
  /// Somebody who may waits for a workspace to be erased.
  struct Ending {
    protocol::Connection client;
    std::string workspace;
    uint64_t deadline_ms = 0;
  };
  std::list<Ending> ending_;
  std::list<Granted> waiting_;  // for the opening before theirs
  std::list<Live> live_;
  WayPool<ReadyWay> ways_;
  pid_t filling_ = -1;  // makes the next workspace's image
  uint64_t fill_after_ms_ = 0;
  std::vector<std::string> due_;  // workspaces to be erased, their time is over
  uint64_t due_after_ms_ = 0;
  /// A process that writes back what a session left.
  struct Writer {
    pid_t pid = -1;
    std::string workspace;
  };
  std::vector<Writer> writers_;
  Lingering<storage::WorkspaceDisk> lingering_;
  HostWatch host_;
  uint64_t host_again_ms_ = 0;
  bool host_failed_ = false;
  uint64_t idle_since_ms_ = 0;
  bool stopping_ = false;
  bool broker_noticed_ = false;  // that it is lost
  uint32_t broker_restarts_ = 0;
  uint64_t broker_since_ms_ = 0;
  uint64_t broker_next_ms_ = 0;
  uint32_t secrets_restarts_ = 0;
  uint64_t secrets_since_ms_ = 0;
  uint64_t secrets_next_ms_ = 0;
  std::string failed_;  // why a service ends by itself
};

}  // namespace carrel::service
