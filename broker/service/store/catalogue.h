#pragma once
// The catalogue: people, their roles, tasks, workspaces, and one row per session. An index that can
// be rebuilt from the records; nothing in it is evidence.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/service/store/tasks.h"
#include "profiles/base/result.h"

namespace carrel::store {

struct Person {
  std::string id;  // "local:1000"
  std::string organisation;
  uint32_t uid = 0;  // on this host
  bool operator==(const Person&) const = default;
};

/// "running" while its session channel lives, "closed" with a countersigned closing seal, else
/// "broken".
enum class SessionState { kRunning, kClosed, kBroken };
std::string_view to_word(SessionState state);
std::optional<SessionState> session_state_from(std::string_view word);

/// One line of `sessions --json` (interfaces.md 2).
struct SessionRow {
  std::string session;
  std::string workspace;
  std::string task;
  std::string profile;
  uint64_t profile_version = 0;
  std::string profile_sha256;  // hex
  std::string person;
  std::string host;
  std::string mode;                  // "root" | "rootless"
  std::vector<std::string> command;  // raw bytes
  uint64_t started_ns = 0;           // since 1970
  uint64_t ended_ns = 0;             // 0: not ended
  SessionState state = SessionState::kRunning;
  std::string end_by;  // "" while running
  int32_t end_code = 0;
  uint64_t events = 0;
  uint64_t denied = 0;
  uint64_t changed = 0;
  uint64_t lost = 0;
  bool operator==(const SessionRow&) const = default;
};

/// A small database of one broker. Every failure is an Error; nothing is half written.
class Catalogue {
 public:
  virtual ~Catalogue() = default;

  /// Registers a person and their organisation; nothing happens when they are known with the same
  /// values, an Error when with others.
  virtual Status register_person(const Person& person) = 0;
  virtual Result<std::optional<Person>> person(const std::string& id) = 0;
  /// Gives a role by its word; twice is once. The person must be registered.
  virtual Status grant_role(const std::string& person, const std::string& role) = 0;
  virtual Result<std::vector<std::string>> roles(const std::string& person) = 0;

  /// Adds the row or replaces the one of the same session.
  virtual Status put_session(const SessionRow& row) = 0;
  virtual Result<std::optional<SessionRow>> session(const std::string& id) = 0;
  /// All rows, latest started first.
  virtual Result<std::vector<SessionRow>> sessions() = 0;

  /// Adds the task or replaces it, people included; each of them must be registered.
  virtual Status put_task(const Task& task) = 0;
  virtual Result<std::optional<Task>> task(const std::string& id) = 0;
  /// All tasks, by id.
  virtual Result<std::vector<Task>> tasks() = 0;

  /// Adds the workspace or replaces it. An Error for a second one of the same task and person that
  /// has not ended.
  virtual Status put_workspace(const Workspace& workspace) = 0;
  virtual Result<std::optional<Workspace>> workspace(const std::string& id) = 0;
  /// All workspaces, latest made first.
  virtual Result<std::vector<Workspace>> workspaces() = 0;
  /// The one of this task and person that has not ended.
  virtual Result<std::optional<Workspace>> workspace_of(const std::string& task,
                                                        const std::string& person) = 0;

  /// Keeps that a text was accepted; the same text again replaces the earlier acceptance.
  virtual Status put_acceptance(const Acceptance& acceptance) = 0;
  virtual Result<std::optional<Acceptance>> acceptance(const std::string& task,
                                                       const std::string& person,
                                                       const std::string& text_sha256) = 0;
};

}  // namespace carrel::store
