#pragma once
// What the catalogue keeps of tasks, their workspaces and accepted agreements, as plain values.

#include <cstdint>
#include <string>
#include <vector>

namespace carrel::store {

/// A file that a profile extends, by the name that it is extended by.
struct ExtendedSource {
  std::string name;
  std::string source;
  bool operator==(const ExtendedSource&) const = default;
};

/// A profile given to named people for a time window. Times are nanoseconds since 1970; 0: none.
struct Task {
  std::string id;          // "local/fix"
  std::string created_by;  // person
  uint64_t created_ns = 0;
  uint64_t until_ns = 0;  // no session after this
  uint64_t ended_ns = 0;
  std::string ended_by;
  std::string end_reason;
  std::string profile;
  uint64_t profile_version = 0;
  std::string profile_sha256;  // hex
  // Of a task that was created, not registered by an opening: the profile as it was given.
  std::string source;          // the TOML; "" for a task registered by opening its profile
  std::string path;            // of the TOML, absolute: repositories are named relative to it
  std::string agreement_text;  // "" where the profile has none
  std::vector<std::string> people;
  std::vector<ExtendedSource> extended;  // everything that the profile extends, in order
  bool operator==(const Task&) const = default;
};

/// The place that a person works at for a task; it outlasts their sessions.
struct Workspace {
  std::string id;
  std::string task;
  std::string person;
  uint64_t created_ns = 0;
  uint64_t ended_ns = 0;   // nobody opens it after this
  uint64_t erase_ns = 0;   // when an ended one may be erased; before: how long after (0: usual)
  uint64_t erased_ns = 0;  // the launcher has said that it is gone
  bool operator==(const Workspace&) const = default;
};

/// A person has accepted a text.
struct Acceptance {
  std::string task;
  std::string person;
  std::string text_sha256;  // hex
  uint64_t version = 0;
  uint64_t accepted_ns = 0;
  std::string how;     // "typed" | "flag"
  std::string answer;  // what the person typed
  bool operator==(const Acceptance&) const = default;
};

}  // namespace carrel::store
