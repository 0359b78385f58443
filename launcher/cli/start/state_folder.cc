#include "launcher/cli/start/state_folder.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "profiles/base/text.h"

namespace carrel::start {
namespace {

std::string environment(const char* name) {
  const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? "" : value;
}

Status make_folders(const std::string& path) {
  for (size_t slash = path.find('/', 1); true; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0711) != 0 && errno != EEXIST) {
      return errno_error("make the state folder " + quoted(part));
    }
    if (slash == std::string::npos) return Done{};
  }
}

}  // namespace

Result<std::string> state_path(const std::string& flag) {
  std::string path = flag;
  if (path.empty()) path = environment("CARREL_STATE");
  if (path.empty() && geteuid() == 0) path = "/var/lib/carrel";
  if (path.empty() && !environment("XDG_STATE_HOME").empty()) {
    path = environment("XDG_STATE_HOME") + "/carrel";
  }
  if (path.empty() && !environment("HOME").empty()) {
    path = environment("HOME") + "/.local/state/carrel";
  }
  if (path.empty()) return Error{"no state folder: give --state DIR or set CARREL_STATE"};
  if (path[0] != '/') {
    std::array<char, PATH_MAX> here{};
    if (getcwd(here.data(), here.size()) == nullptr) return errno_error("getcwd");
    path = std::string(here.data()) + "/" + path;
  }
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  return path;
}

Result<StateFolder> open_state(const std::string& path, Create create) {
  if (create == Create::kYes) RETURN_IF_ERROR(make_folders(path));
  StateFolder state;
  state.path = path;
  state.directory.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state.directory.valid()) return errno_error("open the state folder " + quoted(path));
  if (create == Create::kYes && mkdirat(state.directory.get(), "run", 0700) != 0 &&
      errno != EEXIST) {
    return errno_error("make " + quoted(path) + "/run");
  }
  state.run.reset(
      openat(state.directory.get(), "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!state.run.valid()) return errno_error("open " + quoted(path) + "/run");
  return state;
}

UniqueFd nearest_folder(const std::string& path) {
  for (std::string place = path; !place.empty(); place.erase(place.rfind('/'))) {
    UniqueFd folder(open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.valid() || errno != ENOENT) return folder;
  }
  return UniqueFd(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

namespace {

constexpr const char* kHostService = "/run/carrel";

/// One that has stopped has left its policy there: it is asked for, too, and does not answer. Who
/// types the same then shall not work in a folder of their own without knowing.
bool is_host_service() {
  for (const char* name : {"/broker.sock", "/trust.policy"}) {
    if (access((std::string(kHostService) + name).c_str(), F_OK) == 0) return true;
  }
  return false;
}

Result<StateFolder> open_service(const std::string& path) {
  StateFolder state;
  state.path = path;
  state.service = true;
  state.directory.reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state.directory.valid()) {
    return errno_error("open the folder of the host's service " + quoted(path));
  }
  state.run.reset(openat(state.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!state.run.valid()) return errno_error("open " + quoted(path));
  return state;
}

}  // namespace

bool is_service(const StateFolder& state) {
  std::array<char, PATH_MAX> target{};
  return state.service ||
         readlinkat(state.run.get(), "broker.sock", target.data(), target.size()) > 0;
}

Result<StateFolder> find_state(const std::string& flag, Create create) {
  if (flag.empty() && environment("CARREL_STATE").empty()) {
    const std::string named = environment("CARREL_SERVICE");
    if (!named.empty()) return open_service(named);
    if (is_host_service()) return open_service(kHostService);
  }
  ASSIGN_OR_RETURN(const std::string path, state_path(flag));
  Result<StateFolder> opened = open_state(path, create);
  if (opened.ok() || opened.error().sys_errno != ENOENT) return opened;
  return Error{"there is no state folder " + quoted(path), ENOENT};
}

}  // namespace carrel::start
