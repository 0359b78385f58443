#pragma once
// What `carrel open` reads with the caller's own rights: the profile and the repositories it names.

#include <string>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"
#include "profiles/parse/resolve.h"

namespace carrel::open {

/// A failure with the exit code it asks for (120 or 121).
struct InputFailure {
  int code = 120;
  std::string text;
};

/// What a task keeps of its profile, as the broker handed it out.
struct TaskProfile {
  std::string source;
  std::string path;  // absolute
  std::string agreement_text;
  std::vector<parse::UsedSource> extended;  // everything that it extends
};

struct Inputs {
  std::string path;  // of the profile: rules' file names, where repositories are relative to

  std::string source;                      // the TOML as read
  std::string canonical;                   // to_canonical() of the resolved profile
  std::vector<parse::UsedSource> parents;  // everything that it extends
  model::Profile profile;
  std::string agreement_text;          // "" where the profile has none
  std::vector<UniqueFd> repositories;  // in the profile's order, O_PATH directories
};

/// Opens, bounds, resolves with the profiles of the folder `library`. On failure fills `failure`
/// and returns its text as an Error.
Result<Inputs> read_inputs(const std::string& profile_path, const std::string& library,
                           InputFailure* failure);
enum class Sources { kOpen, kLeave };
/// The same of a task's profile: nothing is read but its repositories, which are opened with the
/// caller's own rights, or left to the service that opens them itself.
Result<Inputs> task_inputs(TaskProfile task, Sources sources, InputFailure* failure);
/// That a service can open the repositories by their paths: each is there, and by no symbolic link.
Status check_sources(const Inputs& inputs);
/// Profile and agreement alone, for a task that is to be created; the path is made absolute. What
/// it extends is read as read_inputs() does.
Result<Inputs> read_profile(const std::string& profile_path, const std::string& library,
                            InputFailure* failure);

}  // namespace carrel::open
