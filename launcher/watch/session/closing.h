#pragma once
// The end of a session, once nothing of the contractor runs any more: everything that is left goes
// to the record, credentials go, the trees are compared, the record is closed.

#include <functional>
#include <string>
#include <vector>

#include "broker/wire/protocol/messages.pb.h"
#include "launcher/watch/session/change_report.h"
#include "launcher/watch/session/ending.h"
#include "launcher/watch/session/lease_keeper.h"
#include "launcher/watch/session/limit_keeper.h"
#include "launcher/watch/session/output_relay.h"
#include "launcher/watch/session/sensor_feed.h"
#include "launcher/watch/session/session_config.h"

namespace carrel::session {

class Closing {
 public:
  struct Parts {
    RecordLink& record;
    SensorFeed& sensor;
    const Judge& judge;
    OutputRelay& output;
    LeaseKeeper& leases;
    LimitKeeper& limits;
    std::function<uint64_t()> mono_ns;
    const std::vector<RepositoryInput>& repositories;
    const Difference& difference;
    uint64_t must_be_left = 0;  // on the host's disk, by contents of changed files
  };
  /// What is known of the workspace at this point.
  struct Workspace {
    bool empty = false;    // the kernel said so
    bool has_run = false;  // the gate was opened
    std::string left;      // what is said of servers and a gateway that are not gone; "": all are
  };
  explicit Closing(const Parts& parts) : parts_(parts) {}

  /// All steps, each within its time; what could not be done is said in `error`, in the order of
  /// the steps. Never pretends: record_closed only with the broker's word.
  protocol::Finished close(Ending ending, Workspace workspace);

 private:
  void collect(Workspace workspace);
  void compare_trees();
  bool close_record(const Ending& ending);
  void note(std::string what);

  Parts parts_;
  std::string problems_;
};

}  // namespace carrel::session
