#include "launcher/watch/session/ending.h"

#include <sys/wait.h>

#include <array>

#include "launcher/box/init/init_plan.h"
#include "profiles/base/text.h"

namespace carrel::session {
namespace {

constexpr int32_t kSetupCode = 123;
constexpr int32_t kPolicyCode = 124;
constexpr int32_t kPersonCode = 125;
constexpr int32_t kKillCode = 137;

/// What carrel-init was doing, in the order of init::PayloadStep.
constexpr std::array<std::string_view, 16> kSteps = {
    "an unknown step",
    "read its plan",
    "fork the command's process",
    "begin a terminal session",
    "take the terminal",
    "set resource limits",
    "become the contractor's user",
    "enter the first folder",
    "set no_new_privs",
    "give up capabilities",
    "set securebits",
    "restrict paths (Landlock)",
    "load the system call filter (seccomp)",
    "close descriptors",
    "hand the filter's listener to the sensor",
    "keep so many terminals at once",
};
static_assert(kSteps.size() == static_cast<size_t>(init::PayloadStep::kNoRoom) + 1);

Ending policy(std::string error) {
  return {"policy", kPolicyCode, 0, std::move(error)};
}

}  // namespace

Ending ended_by_command(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return {"command", 128 + number, number, ""};
  }
  return {"command", WEXITSTATUS(wait_status), 0, ""};
}

Ending ended_by_setup(const Error& why) {
  return {"setup", kSetupCode, 0, to_string(why)};
}

Ending ended_by_step(int32_t step, int32_t error) {
  const bool known = step > 0 && static_cast<size_t>(step) < kSteps.size();
  const std::string_view words = kSteps.at(known ? static_cast<size_t>(step) : 0);
  return ended_by_setup(Error{"carrel-init could not " + std::string(words), error});
}

Ending ended_by_exec(int32_t error, std::string_view word) {
  return ended_by_setup(Error{"start " + quoted(word.substr(0, 256)), error});
}

Ending ended_by_time(std::string_view limit, std::string_view words) {
  return policy("time is over (" + std::string(limit) + " " + quoted(words) + ")");
}

Ending ended_by_order(std::string_view person, std::string_view reason) {
  return {"person", kPersonCode, 0, "closed by " + quoted(person) + ": " + quoted(reason)};
}

Ending ended_by_record(std::string_view why) {
  return policy("the record could not be kept: " + std::string(why));
}

Ending overruled(Ending ending, std::string_view why) {
  if (ending.by != "command" && ending.by != "person") return ending;
  std::string error(why);
  if (ending.by == "command") {
    error += "; the command had ended with status " + std::to_string(ending.code);
  } else if (!ending.error.empty()) {
    error += "; " + ending.error;
  }
  return policy(std::move(error));
}

Ending ended_by_launcher() {
  return policy("the launcher ended the session");
}

Ending ended_by_policy(const Error& why) {
  return policy(to_string(why));
}

Ending ended_by_client() {
  return {"person", kPersonCode, 0, "the client has gone"};
}

Ending ended_by_person() {
  return {"person", kPersonCode, 0, "ended before the command began"};
}

Ending ended_by_kill() {
  return {"kill", kKillCode, 0, "the workspace's first process was killed"};
}

}  // namespace carrel::session
