#pragma once
// What a workspace will be, as printable values: make_plan is the one place where profile and host
// meet; launcher/box/sandbox carries the result out and decides nothing. What print_plan shows is
// what runs.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/box/plan/guarantee.h"
#include "launcher/box/plan/host_facts.h"
#include "launcher/box/plan/limits.h"
#include "profiles/base/paths.h"
#include "profiles/base/result.h"
#include "profiles/model/profile.h"

namespace carrel::plan {

inline constexpr uint32_t kInitUid = 999;      // inside
inline constexpr uint32_t kPayloadUid = 1000;  // inside
inline constexpr uint32_t kBlockBase = 0x70000000;
inline constexpr uint32_t kOnDiskOwner =
    kBlockBase + 1;  // owner on disk of everything a workspace keeps

/// Who is who outside: the map is one line. With `one` false it begins inside at `kInitUid`, is two
/// long and leads to `base`. With `one` true there is only one id to give: init, payload and
/// recorder are `base`, which is `kPayloadUid` inside. Ids are those of the launcher's own user
/// namespace: the host's for root, of an ordinary user 0, which is that user.
struct UidPlan {
  uint32_t base = 0;
  bool one = false;
  [[nodiscard]] uint32_t init_host() const { return base; }
  [[nodiscard]] uint32_t payload_host() const { return one ? base : base + 1; }
  [[nodiscard]] uint32_t recorder_host() const { return one ? base : base + 2; }
  [[nodiscard]] uint32_t gateway_host() const { return one ? base : base + 3; }
  [[nodiscard]] uint32_t init_inside() const { return one ? kPayloadUid : kInitUid; }
  [[nodiscard]] uint32_t first_inside() const { return init_inside(); }
  [[nodiscard]] uint32_t count() const { return one ? 1 : 2; }
  bool operator==(const UidPlan&) const = default;
};

/// The ids of a session: of slot `uid_base` where the host gives two, else the caller's only one.
UidPlan uid_plan(const HostFacts& facts, uint32_t uid_base);

/// What the launcher must have opened, one descriptor each, in the order of `SandboxPlan::sources`.
enum class SourceKind {
  kTree,            // the repository's working tree: an overlay, or a plain folder
  kEntry,           // <slice>/ro/<entry>
  kHome,            // the contractor's home, kept like the working trees
  kCredentials,     // the detached tmpfs that carrel-session writes leases to
  kInside,          // the folder of the socket that the session answers at
  kInsideProgram,   // the program that asks there
  kRepository,      // of the slicer: the full repository
  kOutput,          // of the slicer: the folder for its result
  kChannel,         // of an ssh server: the folder of the socket that its forced command asks at
  kChannelProgram,  // the forced command
  kTrust,           // the folder of trust.h
  kTrustBundle,     // a file of it, over a system's own
  kTrustJavaStore,
};

struct Source {
  SourceKind kind = SourceKind::kTree;
  std::string repository;  // name, for kTree and kEntry
  size_t entry = 0;        // index below ro/, for kEntry
  bool operator==(const Source&) const = default;
};

/// One step in making the root; carried out in order. Every mount is private, nosuid and nodev
/// (except that kDevice is not nodev, and /dev's devpts neither).
enum class MountKind {
  kTmpfs,       // a new tmpfs on the (made) directory `target`; the first step is always "/"
  kDirectory,   // mkdir of `mode`
  kSymlink,     // `target` -> `text`
  kFile,        // a file with the bytes `text`
  kHostBind,    // `host`, opened without following symlinks, cloned recursively, on the made target
  kSource,      // the tree of descriptor `source`
  kProc,        // a new procfs of the workspace's pid namespace
  kDevpts,      // a new devpts instance: newinstance,ptmxmode=0666,mode=0620
  kDevice,      // bind of a host character device, checked to be (major, minor), on a made file
  kReadOnly,    // bind of `target` on itself, then read-only, recursively; absent as below
  kMaskFile,    // the verified null device over a file; absent target: nothing to hide, no failure
  kMaskFolder,  // one empty read-only directory over a directory; absent target as above
};

enum class Access { kReadOnly, kReadWrite };
enum class Exec { kAllowed, kForbidden };
enum class TargetType { kFolder, kFile };
enum class Owner { kInit, kPayload };

struct MountStep {
  MountKind kind = MountKind::kDirectory;
  SandboxPath target = SandboxPath::root();
  std::optional<HostPath> host;       // kHostBind, kDevice
  std::optional<size_t> source;       // kSource: index into SandboxPlan::sources
  std::string text;                   // kFile, kSymlink
  Access access = Access::kReadOnly;  // a kTmpfs is made read-only after the last step
  Exec exec = Exec::kAllowed;
  TargetType type = TargetType::kFolder;  // of kHostBind and kSource
  bool make_target = true;  // make the mount point and its parents (never below a kSource)
  bool idmapped = false;    // kSource: (disk_owner, disk_group) are shown as the payload
  uint32_t disk_owner = kOnDiskOwner;
  uint32_t disk_group = kOnDiskOwner;
  Owner owner = Owner::kInit;  // of what is made: kTmpfs root directory, kDirectory, kFile
  uint32_t mode = 0755;
  uint64_t size_bytes = 0;    // kTmpfs
  uint64_t inodes = 0;        // kTmpfs
  uint32_t device_major = 0;  // kDevice
  uint32_t device_minor = 0;
  bool operator==(const MountStep&) const = default;
};

/// Cut to the hard limit that is already there: a child in a user namespace cannot raise one.
struct Rlimit {
  int resource = 0;  // RLIMIT_*
  uint64_t soft = 0;
  uint64_t hard = 0;
  bool operator==(const Rlimit&) const = default;
};

/// One path-beneath rule; `rights` are LANDLOCK_ACCESS_FS_* bits already cut to the host's ABI.
struct LandlockRule {
  SandboxPath path = SandboxPath::root();
  uint64_t rights = 0;
  TargetType type = TargetType::kFolder;
  bool operator==(const LandlockRule&) const = default;
};

/// landlock(7). `handled_fs` 0: the host's ABI is too old to be of use, no ruleset is made.
struct LandlockPlan {
  uint64_t handled_fs = 0;
  uint64_t scoped = 0;  // LANDLOCK_SCOPE_*, ABI 6
  std::vector<LandlockRule> rules;
  bool operator==(const LandlockPlan&) const = default;
};

enum class Terminal { kPty, kPipes };
/// kSshd: the contractor's table too, but its listener hears of connections and nothing else.
enum class SeccompProgram { kContractor, kSlicer, kSshd };
/// Who sees what the payload calls: the kernel's own programs from outside, or a listener of its
/// filter, which answers the calls of notified_calls.h and every refusal that is an event.
enum class Watched { kFromOutside, kByListener };
enum class Program {
  kPath,
  kDescriptor
};  // kDescriptor: execveat of a sealed or opened program file

struct SandboxPlan {
  UidPlan uids;
  std::string hostname;
  uint64_t namespaces = 0;  // CLONE_NEW* for clone3; the network namespace is joined before
  std::vector<Source> sources;
  std::vector<MountStep> mounts;
  std::vector<std::string> environment;  // "NAME=value", sorted, complete
  std::vector<Rlimit> rlimits;
  Ceilings ceilings;
  uint64_t securebits =
      0;  // all capability sets are emptied, bounding set included, and these locked
  LandlockPlan landlock;
  SeccompProgram seccomp = SeccompProgram::kContractor;
  Watched watched = Watched::kFromOutside;
  Program program = Program::kPath;
  std::vector<std::string> command;
  SandboxPath directory = SandboxPath::root();  // working directory
  Terminal terminal = Terminal::kPty;
  uint32_t umask = 022;
  std::vector<Guarantee> guarantees;  // every one, given or not: event 0 and the screen list them
  bool operator==(const SandboxPlan&) const = default;
};

/// A readable entry without writable path below it: bound read-only over the working tree.
struct ReadOnlyEntry {
  RelPath path;
  TargetType type = TargetType::kFolder;
  bool operator==(const ReadOnlyEntry&) const = default;
};

/// What the slicer's manifest said about one repository; entry i is the source ro/<i>.
struct RepositoryView {
  std::string name;
  std::vector<ReadOnlyEntry> read_only;
  bool operator==(const RepositoryView&) const = default;
};

/// What neither profile nor host say.
struct PlanRequest {
  uint32_t uid_base = 0;  // of the slot: kBlockBase + 8 + 8k; 0 where there is only one uid
  std::vector<RepositoryView> repositories;  // those of the profile, by name
  std::vector<std::string> command;          // empty: the shell
  Terminal terminal = Terminal::kPty;
  // The caller's TERM, LANG, … as they are; only names and values of the allowlist pass.
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> trust_places;  // of trust.h, those that this host has: absolute
  std::string person_name;                // for /etc/gitconfig
  std::string person_email;
};

/// The plan, or one Error that lists everything this host lacks and what mends each (callers exit
/// 122). With `assurance = "full"` every guarantee that the profile uses must be given. Pure.
Result<SandboxPlan> make_plan(const model::Profile& profile, const HostFacts& facts,
                              const PlanRequest& request);

/// What is missing for make_plan, before slicing has told the repositories' entries: the launcher
/// asks this first so that nothing is made on a host that cannot go on.
Status check_host(const model::Profile& profile, const HostFacts& facts);
/// The same for any profile with `assurance = "best"`.
Status check_host(const HostFacts& facts);

/// The slicer's workspace: the repository read-only at /repository, an output folder at /output,
/// the host's /usr read-only, no network, program by descriptor, standard streams on pipes.
/// `repository_owner`: uid and gid of the repository's folder, shown as the slicer's own where its
/// file system can be idmapped; empty: it is mounted as it is, and must then be readable by
/// everybody.
struct SlicerRequest {
  uint32_t uid_base = 0;
  std::optional<std::pair<uint32_t, uint32_t>> repository_owner;
  std::vector<std::string> arguments;  // argv, the program's name first
  bool has_output = true;              // false: no /output; it only says something on stdout
  bool output_idmapped = true;         // false: what it shows belongs to the slicer as it is
};
Result<SandboxPlan> make_slicer_plan(const HostFacts& facts, const SlicerRequest& request);

/// The stock server of ssh connections (openssh-server).
inline constexpr const char* kSshdPath = "/usr/sbin/sshd";
/// Where the forced command of an ssh server finds the session, in the server's jail.
inline constexpr const char* kChannelSocket = "/run/carrel/channel";

/// One ssh connection. Texts are the broker's (SshAccess) and stand in files that sshd reads.
struct SshdRequest {
  uint32_t uid_base = 0;  // of the session's slot
  std::string host_key;   // an OpenSSH private key file
  std::string authority;  // one line: who signs the certificates
  std::string principal;  // one line: what a certificate must name
  std::string notice;     // what every client is shown first
  std::vector<uint16_t>
      ports;  // of the workspace's loopback that may be reached; none: no forwarding
};
Result<SandboxPlan> make_sshd_plan(const HostFacts& facts, const SshdRequest& request);
/// sshd_config(5) of that server. Pure; the same ports give the same text.
std::string sshd_configuration(const std::vector<uint16_t>& ports);

/// The plan as text, one line a fact, equal for equal plans. Names from a profile are escaped.
std::string print_plan(const SandboxPlan& plan);

}  // namespace carrel::plan
