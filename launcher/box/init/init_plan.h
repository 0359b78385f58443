#pragma once
// The plan that carrel-init carries out, as flat bytes in a sealed memfd, and the fixed records on
// its control socket. Plain C-like data: carrel-init is a static program that checks bounds and
// parses nothing.

#include <cstdint>

namespace carrel::init {

inline constexpr uint32_t kMagic = 0x4C524331;  // "1CRL"
inline constexpr uint32_t kMaxStrings = 4096;   // arguments and environment together
inline constexpr uint32_t kMaxFilter = 4096;    // instructions, BPF_MAXINSNS
inline constexpr uint32_t kMaxRules = 256;
inline constexpr uint32_t kMaxRlimits = 16;

inline constexpr uint32_t kMaxChannels = 32;       // besides the main command, at once
inline constexpr uint32_t kMaxSpawnBytes = 65536;  // one request, head and strings

/// Descriptors that carrel-init is started with; all others are closed.
inline constexpr int kPlanFd = 3;
inline constexpr int kControlFd = 4;
inline constexpr int kGateFd = 5;
inline constexpr int kTerminalFd = 6;  // the pty's slave, with kUsesTerminal
inline constexpr int kProgramFd = 7;   // the program itself, with kUsesProgramFd
inline constexpr int kSensorFd = 8;    // a socket that takes the filter's listener, with kNotifies
inline constexpr int kLastFd = kSensorFd;

enum Flags : uint32_t { kUsesTerminal = 1, kUsesProgramFd = 2, kNotifies = 4 };

struct InitRlimit {
  int32_t resource;
  uint32_t unused;
  uint64_t soft;
  uint64_t hard;
};

/// `path` is an offset into the plan's bytes of a NUL-terminated string.
struct InitRule {
  uint64_t rights;
  uint32_t path;
  uint32_t unused;
};

/// At offset 0. Offsets are from the start of the plan; arrays are aligned to 8 bytes. Strings are
/// NUL-terminated and follow each other: arguments, then environment.
struct InitPlan {
  uint32_t magic;
  uint32_t total_bytes;
  uint32_t flags;
  uint32_t argument_count;
  uint32_t environment_count;
  uint32_t strings;  // offset of the first
  uint32_t directory;
  uint32_t filter;
  uint32_t filter_count;
  uint32_t rules;
  uint32_t rule_count;
  uint32_t rlimits;
  uint32_t rlimit_count;
  uint32_t umask;
  uint32_t uid;
  uint32_t gid;
  uint64_t securebits;
  uint64_t landlock_fs;
  uint64_t landlock_scoped;
};

/// One record on the control socket, in both directions. `c` is the channel it is about: 0 the main
/// command, else the number of a spawn request.
enum class RecordType : uint32_t {
  kPty = 1,     // init's parent, or a channel's process: the pty's master comes with this record
  kReady = 2,   // the payload waits at the gate; a channel's command is about to run
  kExited = 3,  // a = wait status of the command
  kExecFailed = 4,   // a = errno
  kSetupFailed = 5,  // a = step (PayloadStep), b = errno
  kSignal = 6,       // to init: a = signal number
  kSpawn = 7,        // to init: a further command; a = SpawnFlags; a Spawn and its strings follow
};

struct Record {
  RecordType type;
  int32_t a;
  int32_t b;
  int32_t c;
};
static_assert(sizeof(Record) == 16);

enum SpawnFlags : int32_t { kSpawnTerminal = 1 };

/// One packet: this, then the NUL-terminated arguments and after them the environment, whose names
/// take the place of the plan's. Without a terminal stdin, stdout and stderr come with it.
struct Spawn {
  Record record;
  uint32_t argument_count;
  uint32_t environment_count;
};
static_assert(sizeof(Spawn) == 24);

/// Steps after carrel-init has started, for kSetupFailed.
enum class PayloadStep : int32_t {
  kReadPlan = 1,
  kFork,
  kSession,
  kTerminal,
  kRlimits,
  kIds,
  kDirectory,
  kNoNewPrivileges,
  kCapabilities,
  kSecurebits,
  kLandlock,
  kSeccomp,
  kCloseDescriptors,
  kListener,
  kNoRoom,  // more channels than kMaxChannels
};

}  // namespace carrel::init
