#pragma once
// One recorded action. The same value for every sensor back end, on the way to the record and back.
// Strings that come from inside a workspace are raw bytes, never assumed to be UTF-8.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/record/events/net_events.h"
#include "profiles/base/result.h"

namespace carrel::events {

enum class Verdict : uint8_t { kAllowed = 1, kDenied = 2, kObserved = 3 };

/// Which process did it. `id` is a per-session number that survives pid reuse (0: nobody inside).
struct Process {
  uint32_t id = 0;
  uint32_t pid = 0;     // as seen on the host
  uint32_t parent = 0;  // the parent's id
  std::string exe;      // path as seen inside, may be empty
  bool operator==(const Process&) const = default;
};

struct ProcessExec {
  std::string path;
  std::vector<std::string> argv;
  uint32_t argv_bytes = 0;
  bool truncated = false;
  bool operator==(const ProcessExec&) const = default;
};
struct ProcessExecFailed {
  std::string path;
  bool operator==(const ProcessExecFailed&) const = default;
};
struct ProcessFork {
  uint32_t child = 0;
  uint32_t child_pid = 0;
  bool operator==(const ProcessFork&) const = default;
};
struct ProcessExit {
  int32_t code = 0;
  int32_t signal = 0; /* 0: none */
  bool operator==(const ProcessExit&) const = default;
};
struct ProcessRefused {
  std::string call;
  std::vector<uint64_t> args;
  bool operator==(const ProcessRefused&) const = default;
};
struct FileOpen {
  std::string path;
  uint32_t flags = 0; /* O_*, x86-64 values */
  bool created = false;
  uint64_t inode = 0;
  uint64_t device = 0;
  bool operator==(const FileOpen&) const = default;
};
struct FileClose {
  std::string path;
  uint64_t bytes = 0; /* size at close */
  uint64_t inode = 0;
  uint64_t device = 0;
  bool operator==(const FileClose&) const = default;
};
struct FileRename {
  std::string from;
  std::string to;
  bool operator==(const FileRename&) const = default;
};
struct FileUnlink {
  std::string path;
  bool operator==(const FileUnlink&) const = default;
};
/// mkdir, symlink, link, mknod: `how` is the call's name, `target` what a link points to.
struct FileMake {
  std::string path;
  std::string how;
  std::string target;
  bool operator==(const FileMake&) const = default;
};
struct FileEnter {
  std::string path;
  bool operator==(const FileEnter&) const = default;
};
struct FileProbe {
  std::string path;
  bool operator==(const FileProbe&) const = default;
};
/// One line of the end-of-session tree difference. Sizes in bytes, digests raw SHA-256 or empty.
struct FileChanged {
  std::string path;
  std::string change;  // "added" | "modified" | "deleted" | "mode"
  std::string before_sha256;
  std::string after_sha256;
  uint64_t before_bytes = 0;
  uint64_t after_bytes = 0;
  uint32_t before_mode = 0;
  uint32_t after_mode = 0;
  std::string note;  // "", or why contents are missing ("larger than 64 MiB", "not readable",
                     // "displaced bind")
  bool operator==(const FileChanged&) const = default;
};
struct NetConnect {
  std::string family; /* "unix" | "inet" | "inet6" | "other" */
  std::string address;
  uint32_t port = 0;
  bool operator==(const NetConnect&) const = default;
};
/// A port of the workspace's loopback was connected to from outside, through an ssh channel; or was
/// asked for and refused. The event's channel is the connection's number.
struct NetForward {
  std::string address; /* as it was connected to; of a refusal, as it was asked for */
  uint32_t port = 0;
  bool operator==(const NetForward&) const = default;
};
struct TerminalOutput {
  std::string stream; /* "pty" | "stdout" | "stderr" */
  std::string bytes;
  bool operator==(const TerminalOutput&) const = default;
};
struct TerminalResize {
  uint32_t columns = 0;
  uint32_t rows = 0;
  bool operator==(const TerminalResize&) const = default;
};
/// What a person has done to the session. action: "paused" | "resumed" | "closed".
struct PolicyOrder {
  std::string action;
  std::string person;
  std::string reason;
  bool operator==(const PolicyOrder&) const = default;
};
/// A limit of time. action: "warned", with what is left of it; "over", and the session ends.
struct PolicyTime {
  std::string action;
  std::string limit;    // "max_duration" | "idle_timeout" | "hours" | "task"
  uint64_t left_s = 0;  // seconds; 0 of "over"
  bool operator==(const PolicyTime&) const = default;
};
/// The session's person has accepted the agreement of its task, now or for a session before.
struct PolicyAgreed {
  std::string file;  // as the profile names it
  uint64_t version = 0;
  std::string text_sha256;   // raw 32 bytes
  uint64_t accepted_ns = 0;  // since 1970
  std::string how;           // "typed" | "flag"
  std::string answer;        // what the person typed
  bool operator==(const PolicyAgreed&) const = default;
};
/// action: "issued" | "renewed" | "ended". Times: seconds since 1970.
struct Credential {
  std::string action;
  std::string name;
  std::string lease;
  std::string audience;
  uint64_t not_after = 0;
  bool operator==(const Credential&) const = default;
};
/// Something else stands where a read-only entry was, because a folder above it was moved away:
/// what was found there at the session's end.
struct PolicyDisplaced {
  std::string path;
  std::string now; /* "missing" | "folder" | "file" | "link" | "other" | "unknown" */
  bool operator==(const PolicyDisplaced&) const = default;
};
/// A further terminal or command at the session, or an ssh connection; the event's channel is its
/// number ("3"), of a command in an ssh connection the connection's and its own ("3.1"). The first
/// command has none.
struct TerminalOpened {
  std::string command;  // its words, joined by spaces and cut; "" of a connection
  std::string how;      // "tty" | "pipes" | "ssh"
  bool operator==(const TerminalOpened&) const = default;
};
struct TerminalEnded {
  std::string by;     // as of the session's end
  uint32_t code = 0;  // its command's status, 128 + signal for a signal
  bool operator==(const TerminalEnded&) const = default;
};
/// A limit of the workspace: action "hit", what was asked for beyond it was refused or ended;
/// "near", nine tenths are used; or of "host_disk" alone "held", "released": `used` is what is left
/// there. Bytes, processes, descriptors, inodes or thousandths of a processor.
struct Limit {
  std::string action;
  std::string limit;  // "memory" | "processes" | "cpu" | "open_files" | "disk" | "inodes" | "tmpfs"
  uint64_t value = 0;  // the limit
  uint64_t used = 0;   // at the time of the event; 0: not known
  uint64_t count = 0;  // of "hit": how often, since the event before for the same limit
  std::string object;  // what was ended, or the folder that is full; may be empty
  bool operator==(const Limit&) const = default;
};
struct AssuranceItem {
  std::string id;
  bool given = false;
  std::string why;
  bool operator==(const AssuranceItem&) const = default;
};
/// A rule of the profile or a default, as event 0 lists them. `id` as in Event::rule.
struct Rule {
  std::string id;
  std::string words;
  std::string file;
  uint32_t line = 0;
  bool operator==(const Rule&) const = default;
};
struct RecorderOpen {
  std::string profile_sha256;     // raw 32 bytes
  std::string profile_canonical;  // the canonical JSON itself
  std::string profile_name;
  uint64_t profile_version = 0;
  std::string task, workspace, host, person, mode /* "root"|"rootless" */,
      sensor /* "vfs"|"syscall"|"notify" */, asked /* "full"|"best" */;
  std::vector<std::string> command;
  bool tty = false;
  std::vector<AssuranceItem> assurance;
  std::vector<Rule> rules;
  bool operator==(const RecorderOpen&) const = default;
};
struct RecorderLoss {
  uint64_t since_seq = 0;
  std::map<std::string, uint64_t> counts;
  bool operator==(const RecorderLoss&) const = default;
};
struct RecorderFreeze {
  uint64_t ns = 0;
  bool operator==(const RecorderFreeze&) const = default;
};
struct RecorderEnd {
  std::string by;
  int32_t code = 0;
  uint64_t produced = 0, recorded = 0, lost = 0; /* sensor records */
  std::map<std::string, uint64_t> counted_only;
  bool operator==(const RecorderEnd&) const = default;
};

using Data = std::variant<ProcessExec, ProcessExecFailed, ProcessFork, ProcessExit, ProcessRefused,
                          FileOpen, FileClose, FileRename, FileUnlink, FileMake, FileEnter,
                          FileProbe, FileChanged, NetConnect, TerminalOutput, TerminalResize,
                          Credential, RecorderOpen, RecorderLoss, RecorderFreeze, RecorderEnd,
                          PolicyOrder, PolicyTime, PolicyAgreed, PolicyDisplaced, Limit,
                          TerminalOpened, TerminalEnded, NetForward, DnsQuery, NetOpen, NetClose,
                          NetRefused, NetBudget, NetAnomaly, TlsHello, HttpRequest, GrantChange>;

struct Event {
  uint64_t seq = 0;      // = leaf index, gap-free
  uint64_t mono_ns = 0;  // CLOCK_MONOTONIC of the host
  uint64_t real_ns = 0;  // since 1970, a claim
  Verdict verdict = Verdict::kObserved;
  std::string rule;     // id of a rule in event 0, "" when none decided
  std::string channel;  // "": the session itself, or its first command
  std::optional<Process> process;
  int32_t error = 0;  // errno, 0 = none
  Data data;
  bool operator==(const Event&) const = default;
};

/// "file.open", "terminal.output", …: the name of interfaces.md 2. kind = the part before the dot.
std::string_view type_name(const Data& data);
/// The same, for the u16 type code of a leaf header (0x0101 …), and back. Unknown: "" / 0.
std::string_view type_name(uint16_t code);
uint16_t type_code(const Data& data);
/// Every type name, in code order.
std::vector<std::string_view> type_names();

/// The payload: verdict, rule, channel, process, errno and data as protobuf-lite bytes
/// (events.proto). seq and times are not in it: the leaf header carries them. Deterministic for one
/// build; hashed as stored.
std::string encode_payload(const Event& event);
/// The most bytes a payload may have: one record always fits into a block of 1 MiB.
constexpr size_t kMaxPayload = (1U << 20) - 4096;
/// Fills all but seq and times. Bounds: kMaxPayload; anything malformed or of an unknown type is an
/// Error.
Result<Event> decode_payload(uint16_t code, std::string_view payload);
/// Ok exactly for what decode_payload() accepts, ten times as fast: builds no event.
Status check_payload(uint16_t code, std::string_view payload);

}  // namespace carrel::events
