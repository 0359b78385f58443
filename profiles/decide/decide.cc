#include "profiles/decide/decide.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "profiles/decide/host_files.h"

namespace carrel::decide {
namespace {

constexpr std::array<std::string_view, 4> kGitProbes = {".gitattributes", ".gitignore",
                                                        ".gitmodules", ".mailmap"};

bool is_access(Operation operation) {
  switch (operation) {
    case Operation::kOpenRead:
    case Operation::kOpenWrite:
    case Operation::kCreate:
    case Operation::kExec:
    case Operation::kEnter:
    case Operation::kProbe:
      return true;
    case Operation::kRename:
    case Operation::kUnlink:
    case Operation::kMake:
      return false;
  }
  return false;
}

bool is_change(Operation operation) {
  switch (operation) {
    case Operation::kOpenRead:
    case Operation::kExec:
    case Operation::kEnter:
    case Operation::kProbe:
      return false;
    case Operation::kOpenWrite:
    case Operation::kCreate:
    case Operation::kRename:
    case Operation::kUnlink:
    case Operation::kMake:
      return true;
  }
  return false;
}

/// What a read-only bind mount answers: EBUSY and EPERM where the mount point itself is taken away.
bool is_read_only_refusal(Operation operation, int error) {
  if (error == EROFS || error == EACCES) return true;
  const bool takes_away = operation == Operation::kRename || operation == Operation::kUnlink;
  return takes_away && (error == EPERM || error == EBUSY);
}

bool has_git_folder(std::string_view relative) {
  while (!relative.empty()) {
    const size_t slash = relative.find('/');
    if (relative.substr(0, slash) == ".git") return true;
    relative = slash == std::string_view::npos ? "" : relative.substr(slash + 1);
  }
  return false;
}

/// Git looks for its own files in every folder it passes; and, searching upwards for the
/// repository, for HEAD in each folder above the one it was started in, which is a parent of an
/// entry.
bool is_git_probe(const Policy::Slice& slice, Operation operation, std::string_view relative) {
  if (operation != Operation::kOpenRead && operation != Operation::kProbe) return false;
  const size_t slash = relative.rfind('/');
  const bool top = slash == std::string_view::npos;
  const std::string_view name = top ? relative : relative.substr(slash + 1);
  if (std::find(kGitProbes.begin(), kGitProbes.end(), name) != kGitProbes.end()) return true;
  return name == "HEAD" && slice.is_parent(top ? "" : relative.substr(0, slash));
}

std::string_view relative_to(const Policy::Slice& slice, std::string_view path) {
  return path.size() > slice.root.size() ? path.substr(slice.root.size() + 1) : "";
}

/// A success: what allowed it, or, where no entry grants it, only that it was seen.
Decision decide_success(const Policy::Entry* entry, Operation operation) {
  if (entry == nullptr) return {Verdict::kObserved, ""};
  const bool granted = entry->kind == Policy::Kind::kWrite ||
                       (entry->kind == Policy::Kind::kRead && !is_change(operation));
  return {granted ? Verdict::kAllowed : Verdict::kObserved, entry->rule};
}

Decision decide_miss(int error) {
  return {error == ENOENT ? Verdict::kCountOnly : Verdict::kObserved, ""};
}

Decision decide_in_slice(const Policy::Slice& slice, const FileAttempt& attempt) {
  const std::string_view relative = relative_to(slice, attempt.path);
  const Policy::Entry* entry = slice.covering(relative);
  if (attempt.error == 0) return decide_success(entry, attempt.operation);
  if (attempt.error == ENOENT && is_git_probe(slice, attempt.operation, relative)) {
    return {Verdict::kCountOnly, ""};
  }
  if (entry != nullptr && entry->kind == Policy::Kind::kNever) {
    return {Verdict::kDenied, entry->rule};
  }
  if (entry != nullptr) {
    const bool refused = entry->kind == Policy::Kind::kRead && is_change(attempt.operation) &&
                         is_read_only_refusal(attempt.operation, attempt.error);
    return refused ? Decision{Verdict::kDenied, entry->rule} : decide_miss(attempt.error);
  }
  const bool own = slice.is_parent(relative) || has_git_folder(relative) ||
                   (attempt.made != nullptr && attempt.made->covers(attempt.path));
  if (is_access(attempt.operation) && !own) return {Verdict::kDenied, slice.rule};
  return decide_miss(attempt.error);
}

Decision decide_one(const Policy& policy, const FileAttempt& attempt) {
  const Policy::Slice* slice = policy.slice_of(attempt.path);
  if (slice != nullptr) return decide_in_slice(*slice, attempt);
  if (attempt.error == 0) return {Verdict::kObserved, ""};
  if (find_host_file(attempt.path) != nullptr) return {Verdict::kDenied, kHostFilesRule};
  return decide_miss(attempt.error);
}

/// Of two decisions on one call the one a reviewer must see.
int weight(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDenied:
      return 3;
    case Verdict::kObserved:
      return 2;
    case Verdict::kAllowed:
      return 1;
    case Verdict::kCountOnly:
      return 0;
  }
  return 0;
}

/// Addresses that reach the workspace itself; the unspecified ones mean loopback to connect.
bool is_loopback(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (address.starts_with(kMapped)) address.remove_prefix(kMapped.size());
  return address.starts_with("127.") || address == "0.0.0.0" || address == "::1" || address == "::";
}

}  // namespace

Operation open_operation(uint32_t flags) {
  if ((flags & O_CREAT) != 0) return Operation::kCreate;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
  return writes && (flags & O_PATH) == 0 ? Operation::kOpenWrite : Operation::kOpenRead;
}

Decision decide_file(const Policy& policy, const FileAttempt& attempt) {
  const Decision first = decide_one(policy, attempt);
  const bool two = attempt.operation == Operation::kRename ||
                   (attempt.operation == Operation::kMake && attempt.error != 0);
  if (!two || attempt.other.empty()) return first;
  FileAttempt second = attempt;
  second.path = attempt.other;
  // A hard link only looks at the file that is there already.
  if (attempt.operation == Operation::kMake) second.operation = Operation::kProbe;
  const Decision other = decide_one(policy, second);
  return weight(other.verdict) > weight(first.verdict) ? other : first;
}

void note_made(const Policy& policy, const FileAttempt& attempt, MadePaths& made) {
  if (attempt.error != 0) return;
  std::string_view path;
  if (attempt.operation == Operation::kCreate || attempt.operation == Operation::kMake) {
    path = attempt.path;
  } else if (attempt.operation == Operation::kRename) {
    path = attempt.other;
  }
  const Policy::Slice* slice = policy.slice_of(path);
  if (slice == nullptr) return;
  const std::string_view relative = relative_to(*slice, path);
  if (relative.empty() || slice->covering(relative) != nullptr || has_git_folder(relative)) return;
  made.add(path);
}

Family family_of(std::string_view word) {
  if (word == "unix") return Family::kUnix;
  if (word == "inet") return Family::kInet;
  if (word == "inet6") return Family::kInet6;
  return Family::kOther;
}

Decision decide_connect(Family family, std::string_view address, uint32_t /*port*/, int error) {
  switch (family) {
    case Family::kInet:
    case Family::kInet6:
      if (is_loopback(address) && (error == 0 || error == EINPROGRESS)) break;
      return {Verdict::kDenied, kNetworkRule};
    case Family::kUnix:
      if (error != 0 && find_host_file(address) != nullptr) {
        return {Verdict::kDenied, kHostFilesRule};
      }
      break;
    case Family::kOther:
      break;
  }
  return {Verdict::kObserved, ""};
}

Decision decide_refused_call(std::string_view /*name*/) {
  return {Verdict::kDenied, kSyscallRule};
}

}  // namespace carrel::decide
