#include "launcher/watch/session/closing.h"

#include <utility>

namespace carrel::session {
namespace {

constexpr uint64_t kDrainMs = 2'000;
constexpr uint64_t kRoomMs = 10'000;
constexpr uint64_t kClosingSealMs = 10'000;
constexpr uint64_t kLastWordMs = 2'000;

}  // namespace

void Closing::note(std::string what) {
  problems_ += (problems_.empty() ? "" : "; ") + std::move(what);
}

/// Outputs before the sensor: their writers are dead, so both are finite; the record takes neither
/// once it has failed, and then they are only emptied.
void Closing::collect(Workspace workspace) {
  if (!parts_.record.failed() && !parts_.output.drain(kDrainMs) && workspace.has_run) {
    note("an output of the command is still open");
  }
  RecordLink& record = parts_.record;
  bool takes = true;  // one that has not made room once is not waited for again and again
  parts_.sensor.finish([&record, &takes] {
    if (takes && record.full()) takes = record.wait(kRoomMs, [&record] { return !record.full(); });
  });
  if (workspace.has_run && parts_.sensor.broken()) {
    note("the sensor has gone before the workspace: what was attempted last may not be recorded");
  }
}

void Closing::compare_trees() {
  ChangeReport report(parts_.record, parts_.judge, parts_.difference, parts_.must_be_left);
  for (const RepositoryInput& repository : parts_.repositories) {
    if (parts_.record.failed()) return;
    const Status added = report.add(repository);
    if (!added.ok()) {
      note("changes of repository " + repository.name +
           " are not in the record: " + to_string(added.error()));
    }
  }
}

bool Closing::close_record(const Ending& ending) {
  RecordLink& record = parts_.record;
  const SensorFeed::Totals totals = parts_.sensor.totals();
  events::RecorderEnd end;
  end.by = ending.by;
  end.code = ending.code;
  end.produced = totals.produced;
  end.recorded = totals.recorded;
  end.lost = totals.lost;
  end.counted_only = parts_.judge.counted_only();
  record.add(std::move(end));
  record.close();
  // At once behind the seal: a launcher that tells the broker of our end does not come in between.
  protocol::EndSession last;
  last.set_by(ending.by);
  last.set_code(ending.code);
  record.send(protocol::Type::kEndSession, last.SerializeAsString());
  if (!record.wait(kClosingSealMs, [&record] { return record.settled(); })) {
    note(record.failed() ? "the record could not be closed: " + record.failure()
                         : "the broker did not acknowledge the closing seal");
    return false;
  }
  record.wait(kLastWordMs, [&record] { return !record.wants_write(); });
  return true;
}

protocol::Finished Closing::close(Ending ending, Workspace workspace) {
  if (!workspace.empty) ending = overruled(std::move(ending), "the workspace is not empty");
  if (!workspace.left.empty()) {
    Ending worse = overruled(ending, workspace.left);
    // What ended it otherwise stays what did.
    if (worse.error == ending.error) note(workspace.left);
    ending = std::move(worse);
  }
  collect(workspace);
  parts_.limits.finish(parts_.mono_ns());
  const Status credentials = parts_.leases.end();
  if (!credentials.ok()) note(to_string(credentials.error()));
  if (workspace.has_run) compare_trees();
  const bool closed = !parts_.record.failed() && parts_.record.opened() && close_record(ending);
  if (!closed && parts_.record.opened()) {
    ending = overruled(std::move(ending), parts_.record.failed()
                                              ? ended_by_record(parts_.record.failure()).error
                                              : "the record is not closed");
  }
  protocol::Finished finished;
  finished.set_by(ending.by);
  finished.set_code(ending.code);
  finished.set_signal(ending.signal);
  finished.set_record_closed(closed);
  if (!problems_.empty()) {
    ending.error += (ending.error.empty() ? "" : "; ") + problems_;
  }
  finished.set_error(ending.error);
  return finished;
}

}  // namespace carrel::session
