#pragma once
// The state folder: where one installation keeps its records, keys and workspaces.

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::start {

enum class Create { kNo, kYes };

struct StateFolder {
  std::string path;  // absolute, as a person would type it
  UniqueFd directory;
  UniqueFd run;  // its folder `run`: sockets, locks, the launcher's log
  // The host's service, seen from outside: both folders are the one with its sockets.
  bool service = false;
};

/// Which folder: `flag` (--state) when not empty, else $CARREL_STATE, else /var/lib/carrel for root
/// and $XDG_STATE_HOME/carrel (~/.local/state/carrel) for others. Made absolute.
Result<std::string> state_path(const std::string& flag);

/// Opens it; with Create::kYes makes what is missing (mode 0711, `run` 0700). ENOENT where it is
/// not there, EROFS, EACCES or ENOSPC where it cannot be made.
Result<StateFolder> open_state(const std::string& path, Create create);

/// Where a verb goes: `flag` (--state), else $CARREL_STATE, else the service whose sockets are in
/// $CARREL_SERVICE, else the host's service in /run/carrel where there is, or was, one, else
/// the state folder of state_path(). The Error is that of open_state(); a service that is named and
/// not there is one too.
Result<StateFolder> find_state(const std::string& flag, Create create);

/// The folder `path` (absolute), or while it is not there the nearest one above it: it tells the
/// file system that the state folder lies on, or will. Not valid where it cannot be opened.
UniqueFd nearest_folder(const std::string& path);

/// Whether its sockets are a service's, be it found by its state folder, where they are links.
bool is_service(const StateFolder& state);

}  // namespace carrel::start
