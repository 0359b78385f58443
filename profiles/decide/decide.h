#pragma once
// The denial table (docs/profile-reference.md, "What is denied"): what the sensor saw becomes a
// verdict and the rule behind it. Pure functions, called once for every event; they copy and
// allocate nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/decide/made_paths.h"
#include "profiles/decide/rules.h"
#include "profiles/model/profile.h"

namespace carrel::decide {

/// The first three have the numbers of events::Verdict. kCountOnly: no event, count it by type.
enum class Verdict : uint8_t { kAllowed = 1, kDenied = 2, kObserved = 3, kCountOnly = 4 };

/// A verdict and the id of its rule ("" when none decided). The view points into the Policy, or
/// into a constant: it lives as long as the Policy.
struct Decision {
  Verdict verdict = Verdict::kObserved;
  std::string_view rule;
  bool operator==(const Decision&) const = default;
};

enum class Operation : uint8_t {
  kOpenRead,
  kOpenWrite,  // O_WRONLY, O_RDWR or O_TRUNC, without O_CREAT
  kCreate,     // open with O_CREAT
  kExec,
  kEnter,   // chdir
  kProbe,   // stat, access, readlink
  kRename,  // path = from, other = to
  kUnlink,  // unlink, rmdir
  kMake,    // mkdir, symlink, mknod, link (other = the existing file of a hard link)
};

/// The operation of an open with these x86-64 O_* flags.
Operation open_operation(uint32_t flags);

/// One attempt as the sensor saw it. Paths are absolute, as seen inside, from normalise_path().
struct FileAttempt {
  Operation operation = Operation::kOpenRead;
  std::string_view path;
  std::string_view other;           // see Operation; else empty
  int error = 0;                    // errno, 0 = it succeeded
  const MadePaths* made = nullptr;  // what the contractor made so far in this session
};

/// A profile prepared for deciding: slice roots /workspaces/NAME and their entries, sorted, and the
/// ports that channels may reach.
class Policy {
 public:
  explicit Policy(const model::Profile& profile);

  enum class Kind : uint8_t { kRead, kWrite, kNever };
  struct Entry {
    std::string path;  // relative to the slice root
    Kind kind = Kind::kRead;
    std::string rule;
  };
  struct Slice {
    std::string root;            // "/workspaces/NAME"
    std::string rule;            // "repository.NAME"
    std::vector<Entry> entries;  // sorted by path bytes, paths unique
    /// The nearest entry at or above a path relative to the root, or null. A `never` wins.
    [[nodiscard]] const Entry* covering(std::string_view relative) const;
    /// True for the root itself ("") and every folder above an entry.
    [[nodiscard]] bool is_parent(std::string_view relative) const;
  };

  /// The slice at or above the path, or null.
  [[nodiscard]] const Slice* slice_of(std::string_view path) const;
  /// The rule that lets a channel reach this port, or null.
  [[nodiscard]] const std::string* forward_to(uint32_t port) const;

 private:
  struct Forward {
    uint32_t port = 0;
    std::string rule;
  };
  std::vector<Slice> slices_;  // sorted by root
  std::vector<Forward> forwards_;
};

/// Verdict and rule of a file operation. Failed attempts on what is not exposed, at or below a
/// `never`, on read-only entries (EROFS, EACCES; for rename and unlink EPERM and EBUSY too) and on
/// the closed list of host files (host_files.h) are denied; git's own probes and other ENOENT are
/// counted only; what succeeded below a read or write entry is allowed by it; the rest is observed.
Decision decide_file(const Policy& policy, const FileAttempt& attempt);

/// Remembers in `made` what a successful attempt made below a slice root outside its entries, so
/// that the contractor's own files are never taken for hidden ones. Call it after decide_file.
void note_made(const Policy& policy, const FileAttempt& attempt, MadePaths& made);

enum class Family : uint8_t { kUnix, kInet, kInet6, kOther };
/// "unix", "inet", "inet6", else kOther: the words of a net.connect event.
Family family_of(std::string_view word);

/// A connect. No rule of A1 allows any network: inet and inet6 are denied whatever the errno;
/// except that a loopback connect which nothing refused (0, EINPROGRESS) is observed: it never
/// leaves the workspace, and calling it denied would be false. A failed connect to a host socket of
/// host_files.h is denied; other unix and other families are observed. `address` is text as in the
/// event ("192.0.2.1", "::1", "/run/x.sock", "@abstract"); the port decides nothing yet.
Decision decide_connect(Family family, std::string_view address, uint32_t port, int error);

/// What a channel (an ssh connection) reached or asked for: any text as the host, any number as the
/// port. Allowed by its forward table when that names the port and the host is the workspace's own
/// loopback (127.0.0.0/8, ::1, localhost), also where nobody listens there; but EACCES and EPERM
/// say that it was refused. All else is default:forward: denied when it failed; observed when it
/// connected or still may (0, EINPROGRESS, …): it must not happen, and calling it denied would be
/// false, so it is told apart from what is allowed by a rule that grants nothing.
Decision decide_forward(const Policy& policy, std::string_view address, uint32_t port, int error);

/// A call that the seccomp table refused.
Decision decide_refused_call(std::string_view name);

}  // namespace carrel::decide
