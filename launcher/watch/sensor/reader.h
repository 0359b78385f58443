#pragma once
// Turns raw records of the sensor into observations: which process, which absolute path as seen
// inside, what happened. Pure: bytes in, values out. The kernel is trusted, lengths are checked all
// the same; memory is bounded.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "launcher/watch/sensor/counters.h"

namespace carrel::sensor {

/// What the process wanted, for deciding which rule a failure falls under.
enum class Intent : uint8_t {
  kLook,    // read, stat, access, enter, execute
  kChange,  // open for writing or creating, rename, unlink, make
  kOther,   // process and network
};

struct RawCall {
  uint32_t number = 0;  // system call number, x86-64
  int64_t result = 0;   // -errno
  std::array<uint64_t, 6> args{};
  uint64_t device = 0;  // of a write that found no room: the file system's st_dev; else 0
  bool operator==(const RawCall&) const = default;
};

/// One action, or whose a socket is (`cookie`). `data` is one of ProcessExec, ProcessExecFailed,
/// ProcessFork, ProcessExit, ProcessRefused (call = "" : the owner of the table names it),
/// FileOpen, FileClose, FileRename, FileUnlink, FileMake, FileEnter, FileProbe, NetConnect,
/// NetForward. Paths are absolute, lexically normal ("." and ".." folded) and as the process's root
/// shows them; names of failed and changing calls are as given: symbolic links in them are not
/// followed.
struct Observation {
  uint64_t mono_ns = 0;     // CLOCK_MONOTONIC
  events::Process process;  // of NetForward id 0: nobody inside
  int32_t error = 0;
  events::Data data;
  Intent intent = Intent::kOther;
  std::optional<RawCall> raw;  // ProcessRefused
  uint32_t call = 0;           // system call number where the record names it, else 0
  uint32_t channel = 0;        // NetForward: number of the ssh connection
  /// Not 0: no action yet. The process is about to connect the TCP socket with this cookie
  /// (SO_COOKIE of socket(7)); `data` is an empty NetConnect.
  uint64_t cookie = 0;
  /// False when a directory was unknown (its definition was lost, or the descriptor was bad): the
  /// path then starts with "?/". Also for a directory outside the process's root.
  bool path_known = true;
};

class Reader {
 public:
  Reader();
  Reader(Reader&&) noexcept;
  ~Reader();

  /// Parses framed records (RingCopier::take, Ring::peek) and appends one observation for each but
  /// directory definitions. A tail that is no whole record is kept for the next call.
  void feed(std::string_view framed, std::vector<Observation>& out);

  /// Whole records seen so far per type, definitions included. Types out of range count as 0.
  [[nodiscard]] const Counts& recorded() const;
  /// Records whose lengths contradict each other; no observation came of them. 0 with a sane
  /// kernel.
  [[nodiscard]] uint64_t malformed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace carrel::sensor
