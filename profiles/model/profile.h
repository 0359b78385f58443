#pragma once
// What a task may do, as plain values: the result of parsing a profile and resolving its defaults.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profiles/base/paths.h"

namespace carrel::model {

/// Where in the profile's source a rule stands (1-based; 0 = a default, not written by anybody).
struct SourceLine {
  int line = 0;
  int column = 0;  // in characters
  bool operator==(const SourceLine&) const = default;
};

enum class Use { kEvaluation, kTesting, kIntegration, kDevelopment };
enum class AssuranceLevel { kFull, kBest };
enum class StartAfter { kRecorded };
enum class Keystrokes { kOff };
enum class OnRecordFailure { kEnd };
enum class History { kNone };
enum class CredentialKind { kJwt };

struct Purpose {
  std::string statement;  // at most 4 KiB
  Use use = Use::kDevelopment;
  bool operator==(const Purpose&) const = default;
};

struct SessionRules {
  AssuranceLevel assurance = AssuranceLevel::kBest;
  uint64_t max_duration_s = 0;  // 0: no limit
  StartAfter start_after = StartAfter::kRecorded;
  Keystrokes keystrokes = Keystrokes::kOff;
  OnRecordFailure on_record_failure = OnRecordFailure::kEnd;
  SourceLine max_duration_line;
  bool operator==(const SessionRules&) const = default;
};

/// One path entry of a repository with the line it stands on.
struct PathEntry {
  RelPath path;
  SourceLine where;
  bool operator==(const PathEntry&) const = default;
};

struct Repository {
  std::string name;    // [a-z0-9][a-z0-9-]{0,62}; the folder below /workspaces
  std::string source;  // as written: absolute, or relative to the profile's folder (`..` may climb)
  std::string ref;
  History history = History::kNone;
  std::vector<PathEntry> read;   // sorted, none below another of the same list
  std::vector<PathEntry> write;  // implies read
  std::vector<PathEntry> never;
  SourceLine where;  // of the [[repository]] header
  bool operator==(const Repository&) const = default;
};

struct Credential {
  std::string name;
  CredentialKind kind = CredentialKind::kJwt;
  std::string audience;
  uint64_t ttl_s = 120;  // 1 s … 600 s
  SourceLine where;
  bool operator==(const Credential&) const = default;
};

struct Toolchain {
  std::string root = "host";
  bool operator==(const Toolchain&) const = default;
};

/// A resolved profile. Every list is sorted by name, so equal profiles compare equal.
struct Profile {
  std::string name;  // the key `profile`
  uint64_t version = 0;
  std::string summary;
  Purpose purpose;
  SessionRules session;
  std::vector<Repository> repositories;
  std::vector<Credential> credentials;
  Toolchain toolchain;
  bool operator==(const Profile&) const = default;
};

}  // namespace carrel::model
