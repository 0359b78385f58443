#pragma once
// The one that carries an opening out (opening.h): its recipe is open(), its parts stand in
// opening.cc (before the session), opening_disk.cc, opening_limits.cc, opening_session.cc (session
// and box) and opening_end.cc.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/box/plan/plan.h"
#include "launcher/box/sandbox/sandbox.h"
#include "launcher/service/disks.h"
#include "launcher/service/folders.h"
#include "launcher/service/gateway_turns.h"
#include "launcher/service/notifier.h"
#include "launcher/service/opening.h"
#include "launcher/service/recorder.h"
#include "launcher/service/slice_store.h"
#include "launcher/service/slicing.h"
#include "launcher/service/ssh_server.h"
#include "launcher/service/way_out.h"
#include "launcher/service/workspace.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::service {

inline constexpr int kSetupFailed = 123;
inline constexpr int kHostCannot = 122;
inline constexpr int kLastWordsMs = 20'000;

struct SessionTree {
  UniqueFd tree;
  UniqueFd upper;  // of a plain folder the tree once more
  UniqueFd slice;  // the slicer's output
};

struct Pipes {
  UniqueFd inside[3];   // the payload's ends
  UniqueFd outside[3];  // the session's: write end of stdin, read ends of stdout and stderr
};

/// What tells the session that a limit was reached: names and descriptors, in the same order.
struct LimitInput {
  std::vector<std::pair<std::string, UniqueFd>> files;
  std::vector<std::pair<protocol::Volume, UniqueFd>> volumes;
};

class Opener {
 public:
  Opener(const OpeningTools& tools, Opening& opening) : tools_(tools), opening_(opening) {}
  void run();

 private:
  Status open();
  Status open_task_sources();
  Status open_workspace();
  Status make_slices();
  Result<SlicedRepository> slice_one(size_t index);
  Result<SlicedRepository> make_new_slice(size_t index);
  Result<std::optional<SlicedRepository>> find_slice(size_t index, SliceUse* use);
  [[nodiscard]] SliceJob slice_job(size_t index) const;
  Error slicing_failed(const SliceFailure& failure);
  Status mount_disk();
  Result<storage::WorkspaceDisk> find_disk(const storage::DiskSize& size);
  void hand_disk_over();
  Status measure_disk(const storage::DiskSize& size);
  Status limit_disk();
  Status keep_workspace();
  Status make_trees();
  Status make_disk_tree(SlicedRepository& slice, const storage::Viewer& payload,
                        const storage::Viewer& recorder, const storage::Places& places);
  Result<UniqueFd> home_source();
  Status mend_trees();
  Status mend_tree(size_t index);
  Result<UniqueFd> overlay_to_mend(size_t index);
  Result<UniqueFd> folder_to_mend(const UniqueFd& tree) const;
  Status make_the_plan();
  Status ask_for_channel();
  Status start_network();
  Status start_way_out();
  Status begin_network();
  Status try_network();
  Status make_trust();
  [[nodiscard]] std::vector<std::string> trust_places() const;
  [[nodiscard]] Result<UniqueFd> trust_source(plan::SourceKind kind) const;
  [[nodiscard]] Result<protocol::GatewayConfig> gateway_config() const;
  // While the session runs (opening_gateway.cc).
  [[nodiscard]] int gateway_patience_ms() const;
  bool drop_gateway(int killed_ms);
  void end_way_out();
  void miss_gateway(const protocol::GatewayBack& missed);
  void lose_gateway();
  void tell_gateway(const std::string& why);
  Status start_gateway_again();
  void mend_gateway();
  [[nodiscard]] Result<UniqueFd> open_names() const;
  [[nodiscard]] int network_fd() const;
  Status make_credentials_folder();
  Status make_limit_files();
  Status add_disk_volume();
  Status make_inside();
  Status make_pipes();
  Status start_sensor();
  Status start_recorder();
  Status start_box();
  Status begin();
  Result<std::vector<UniqueFd>> open_sources();
  [[nodiscard]] protocol::SessionConfig session_config() const;
  Status check_hours();
  void add_times(protocol::SessionConfig& config) const;
  void add_limits(protocol::SessionConfig& config) const;
  [[nodiscard]] protocol::Started started() const;
  [[nodiscard]] bool uses_image() const { return storage_.kind == plan::StorageKind::kImage; }
  /// Of what belongs to a workspace on disk.
  [[nodiscard]] FolderOwner work_owner() const {
    return tools_.facts.root ? FolderOwner::kWorkspace : FolderOwner::kCaller;
  }
  [[nodiscard]] const char* mode() const { return tools_.facts.root ? "root" : "rootless"; }
  [[nodiscard]] const char* sensor() const { return notifies() ? "notify" : "syscall"; }
  [[nodiscard]] bool notifies() const {
    return tools_.facts.sensor.back_end == plan::SensorBackEnd::kNotify;
  }
  [[nodiscard]] bool client_gone() const;
  [[nodiscard]] bool is_unwanted() const;

  void fail(const Status& why);
  void supervise();
  bool pass_on_host_space();
  void make_ssh();
  bool hear_session();
  void start_ssh(const protocol::Message& message);
  void end_box();
  void tell(const protocol::Ended& ended);
  void undo();

  const OpeningTools& tools_;
  Opening& opening_;
  int code_ = kSetupFailed;    // of the next failure
  uint64_t hours_end_ns_ = 0;  // since 1970; 0: none
  bool person_left_ = false;   // before there was a session to say so in its record
  std::vector<std::function<void()>> undos_;
  plan::SandboxPlan plan_;
  std::optional<Workspace> workspace_;
  plan::StorageFacts storage_;  // of this workspace
  std::vector<SlicedRepository> slices_;
  std::vector<SliceUse> uses_;  // in the same order
  std::optional<storage::WorkspaceDisk> disk_;
  storage::DiskSize disk_limits_;      // as they are kept
  std::vector<std::string> warnings_;  // for the notice
  std::vector<UniqueFd> overlays_;  // in the same order: to hand over, and to outlive the workspace
  UniqueFd network_;                // of a workspace with no way out
  std::optional<WayOut> way_out_;
  protocol::GatewayConfig gateway_config_;  // as it was at the opening
  GatewayTurns gateway_turns_;
  UniqueFd broker_channel_;
  UniqueFd credentials_;         // the tmpfs's mount
  UniqueFd credentials_folder_;  // its root, for the session
  UniqueFd gate_read_, gate_write_, init_control_, session_control_;
  Pipes pipes_;
  std::vector<SessionTree> trees_;
  std::vector<sandbox::Scratch> scratch_;
  LimitInput limits_;
  UniqueFd inside_, inside_listener_;  // the mount of its folder, and the socket in it
  std::optional<Recorder> recorder_;
  std::optional<protocol::Finished> finished_;
  std::optional<Notifier> notifier_;  // the sensor, where the tracer is not
  sandbox::Running box_;
  std::optional<SshServers> ssh_;  // from begin() on
};

/// SIGTERM is blocked, so that supervise() can read it: until then it waits, and is seen here.
bool is_told_to_end();

/// The host as records name it.
std::string host_name();

}  // namespace carrel::service
