#pragma once
// What a task may do, as plain values: the result of parsing a profile and resolving its defaults.
// Sizes are bytes, times are seconds; every bound stands in profiles/parse/checks.h.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profiles/base/paths.h"
#include "profiles/model/terms.h"

namespace carrel::model {

struct Purpose {
  std::string statement;  // at most 4 KiB
  Use use = Use::kDevelopment;
  std::vector<TextEntry> recipients;     // organisations; sorted, as every list of texts here
  std::vector<TextEntry> jurisdictions;  // ISO 3166 country codes, as declared
  std::optional<Agreement> agreement;
  bool operator==(const Purpose&) const = default;
};

struct SessionRules {
  AssuranceLevel assurance = AssuranceLevel::kBest;
  uint64_t max_duration_s = 0;  // 0: no limit
  StartAfter start_after = StartAfter::kRecorded;
  Keystrokes keystrokes = Keystrokes::kOff;
  OnRecordFailure on_record_failure = OnRecordFailure::kEnd;
  SourceLine max_duration_line;
  uint64_t idle_timeout_s = 0;  // 0: no limit
  SourceLine idle_timeout_line;
  std::optional<Hours> hours;  // none: at any time
  bool operator==(const SessionRules&) const = default;
};

/// One path entry of a repository with the line it stands on.
struct PathEntry {
  RelPath path;
  SourceLine where;
  bool operator==(const PathEntry&) const = default;
};

/// Where work of a repository may be handed in.
struct Submit {
  std::string refs;                  // "refs/heads/contrib/{task}/*"
  std::vector<TextEntry> reviewers;  // persons
  bool two_person = false;
  SourceLine where;
  bool operator==(const Submit&) const = default;
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
  Enforce enforce = Enforce::kBind;
  SourceLine enforce_line;
  std::optional<Submit> submit;
  bool operator==(const Repository&) const = default;
};

/// A stand-in for what stays hidden.
struct Interface {
  std::string name;
  InterfaceKind kind = InterfaceKind::kSchema;
  std::string path;  // a RelPath's text
  SourceLine where;
  bool operator==(const Interface&) const = default;
};

/// What one inspected request may be: a method and a path, or what a preset lets git do with one
/// repository of that host. `path` matches whole: "*" is one component, a last "**" any.
struct HttpRule {
  std::vector<TextEntry> methods;    // none with a preset
  std::string path = "/**";          // "" with a preset
  std::optional<uint64_t> max_body;  // bytes; none: what profiles/decide/body_limits.h says
  SourceLine where;
  std::string preset = {};              // "", kGitFetch or kGitPush (words.h)
  std::string repository = {};          // with a preset: "/acme/widgets", without ".git"
  std::vector<TextEntry> refs = {};     // of a push: what it may change; a pattern like `path`
  std::vector<TextEntry> headers = {};  // names of request headers that may pass beside the usual
  bool upgrade = false;                 // to a websocket
  bool escaped_slash = false;           // "%2F" may stand within a component of the path
  bool operator==(const HttpRule&) const = default;
};

/// Bytes that may pass in one session; none: no bound.
struct Budget {
  std::optional<uint64_t> up;
  std::optional<uint64_t> down;
  bool operator==(const Budget&) const = default;
};

struct Network {
  std::string host;             // a DNS name in lower case, never a pattern
  std::vector<uint16_t> ports;  // sorted, at least one
  NetworkMode mode = NetworkMode::kInspect;
  std::vector<HttpRule> http;  // in source order; only with kInspect; none: every request
  std::string credential;      // a [[credential]]'s name, or ""
  Budget budget;
  SourceLine where;
  /// Private networks ("10.20.0.0/16", Cidr's text) in which the name may lie. None: a private,
  /// shared or documentation address is refused.
  std::vector<TextEntry> addresses = {};
  std::optional<Waiver> waiver = {};
  bool operator==(const Network&) const = default;
};

struct Credential {
  std::string name;
  CredentialKind kind = CredentialKind::kJwt;
  std::string audience;  // of a jwt
  uint64_t ttl_s = 120;
  SourceLine where;
  CredentialIssue issue = CredentialIssue::kStart;
  std::string from = {};    // of every other kind: "secret:NAME" or "ca:NAME"
  std::string inject = {};  // of a header: "bearer", "basic" or a header's name in lower case
  std::string user = {};    // of a header injected as "basic"
  TokenAlg alg = TokenAlg::kEdDsa;  // of a jwt
  bool operator==(const Credential&) const = default;
};

/// What one workspace may use. The defaults hold where the profile says nothing.
struct Limits {
  uint64_t cpu_milli = 0;  // thousandths of a processor; 0: not limited
  uint64_t memory_bytes = uint64_t{4} << 30;
  uint64_t processes = 512;
  uint64_t disk_bytes = uint64_t{10} << 30;
  uint64_t inodes = 1000000;
  uint64_t tmpfs_bytes = uint64_t{1} << 30;
  uint64_t open_files = 4096;
  SourceLine cpu_line;
  SourceLine memory_line;
  SourceLine processes_line;
  SourceLine disk_line;
  SourceLine inodes_line;
  SourceLine tmpfs_line;
  SourceLine open_files_line;
  bool operator==(const Limits&) const = default;
};

/// A loopback port inside that a channel may reach.
struct Forward {
  uint16_t port = 0;
  SourceLine where;
  bool operator==(const Forward&) const = default;
};

struct Toolchain {
  std::string root = "host";
  std::vector<TextEntry> packages = {};  // sorted
  bool operator==(const Toolchain&) const = default;
};

/// How long things are kept, in seconds; 0: the profile does not say.
struct Retention {
  uint64_t record_s = 0;
  uint64_t contents_s = 0;
  uint64_t workspace_s = 0;
  SourceLine record_line;
  SourceLine contents_line;
  SourceLine workspace_line;
  bool operator==(const Retention&) const = default;
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
  std::vector<Interface> interfaces;
  std::vector<Network> networks;  // sorted by host
  Limits limits;
  std::vector<Forward> forwards;  // sorted by port
  Retention retention;
  std::vector<Widen> widened;  // sorted by `of`
  bool operator==(const Profile&) const = default;
};

}  // namespace carrel::model
