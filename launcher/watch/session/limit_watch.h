#pragma once
// Notices that a limit of the workspace was reached, from what the kernel counts and what the
// sensor saw: one event a limit and stretch of time, with counts that add up. Pure.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/record/events/event.h"

namespace carrel::session {

/// A file system of the workspace that can become full.
struct Volume {
  std::string limit;                   // whose bytes these are: "tmpfs" or "disk"
  std::string path;                    // as seen inside: "/tmp"
  std::vector<uint64_t> devices = {};  // st_dev, as far as known
  std::vector<std::string> also = {};  // other paths of it
};

/// How full one is; of what has no number (`bytes` or `inodes` 0) nothing is said.
struct VolumeUse {
  uint64_t bytes = 0, bytes_free = 0;
  uint64_t inodes = 0, inodes_free = 0;
};

/// What the kernel counts, read at one time. Nothing: there is no such ceiling, or it cannot be
/// read.
struct LimitReading {
  std::optional<uint64_t> memory_kills;  // processes ended for want of memory, since the beginning
  std::optional<uint64_t> memory_used;   // bytes, with what is kept of files that were read
  std::optional<uint64_t> refused_processes;
  std::optional<uint64_t> processes_used;
  std::optional<uint64_t> cpu_throttled;  // periods in which there was no more to have
  std::vector<VolumeUse> volumes;         // in the order of the watch's
};

class LimitWatch {
 public:
  /// Between two events for the same limit, whatever happens: a loop fills no record.
  static constexpr uint64_t kQuietNs = 10'000'000'000;
  /// Being slowed down is an ordinary state: once in a while is enough.
  static constexpr uint64_t kQuietCpuNs = 60'000'000'000;
  /// How long the end of a process that the kernel ended for memory is waited for.
  static constexpr uint64_t kNameNs = 1'000'000'000;

  /// `values`: by limit, what is enforced; what is not in it is never reached, but for volumes:
  /// one that has no value is limited by its size.
  LimitWatch(std::map<std::string, uint64_t> values, std::vector<Volume> volumes);

  /// Every event of the sensor, in order.
  void see(const events::Event& event);
  /// A call that made no event failed with EMFILE, ENOSPC or EDQUOT; `device` as in
  /// Volume, 0 where it is not known.
  void see_refusal(int error, uint64_t device, const std::string& exe, uint64_t at_ns);
  /// The session itself ends everything now: what dies from here on is not the kernel's doing.
  void end_by_session(uint64_t now_ns) { ours_from_ns_ = now_ns; }
  /// How full a volume is of what is granted: a disk is larger than what may be used of it.
  [[nodiscard]] VolumeUse granted(size_t index, VolumeUse use) const;
  /// The events that have become due.
  std::vector<events::Limit> take(const LimitReading& now, uint64_t now_ns);
  /// The last ones: nothing is waited for any more.
  std::vector<events::Limit> finish(const LimitReading& last, uint64_t now_ns);

  [[nodiscard]] const std::map<std::string, uint64_t>& values() const { return values_; }
  [[nodiscard]] const std::vector<Volume>& volumes() const { return volumes_; }

 private:
  /// What is known of one limit; of a volume's, of one volume.
  struct Tally {
    uint64_t seen = 0;     // the kernel's counter when it was last read
    uint64_t waiting = 0;  // hits not said yet
    std::string object;
    std::optional<uint64_t> since_ns;  // of `waiting`
    std::optional<uint64_t> said_ns;
    bool near = false, full = false;  // of volumes
  };
  struct Ended {
    uint64_t at_ns = 0;
    std::string exe;
  };
  using Due = std::vector<events::Limit>;

  Tally& tally(std::string_view limit, std::string_view path = "");
  void hit(Tally& tally, uint64_t count, uint64_t now_ns);
  void count(std::string_view limit, std::optional<uint64_t> counter, uint64_t now_ns);
  bool name_the_ended(Tally& tally, uint64_t now_ns);
  void say_hits(std::string_view limit, uint64_t used, uint64_t now_ns, bool last, Due& due);
  void look_at(size_t index, const VolumeUse& use, uint64_t now_ns, bool last, Due& due);
  Due look(const LimitReading& now, uint64_t now_ns, bool last);

  std::map<std::string, uint64_t> values_;
  std::vector<Volume> volumes_;
  std::map<std::pair<std::string, std::string>, Tally> tallies_;  // by limit and volume's path
  std::optional<uint64_t> ours_from_ns_;
  std::deque<Ended> ended_;        // by SIGKILL, of late
  std::vector<uint64_t> no_room_;  // by volume: what the sensor saw refused for want of room
};

}  // namespace carrel::session
