// Disks between sessions: formatted ahead for new workspaces, mounted for a while after a session.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launcher/service/disks.h"
#include "launcher/service/kept_disk.h"
#include "launcher/service/server.h"
#include "profiles/base/text.h"

namespace carrel::service {

/// So that a new workspace finds its image formatted.
void Server::fill_pool_aside(uint64_t now_ms) {
  if (filling_ > 0 || now_ms < fill_after_ms_ ||
      parts_.facts.storage.kind != plan::StorageKind::kImage ||
      is_pool_full(parts_.state, default_disk()) || stopping_) {
    return;
  }
  filling_ = fork();
  if (filling_ != 0) return;  // without one the next opening makes its own
  (void)prctl(PR_SET_NAME, "carrel-disk-new");
  leave_others_alone();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  (void)setpriority(PRIO_PROCESS, 0, 10);
  const Status filled = fill_pool(parts_.state, default_disk());
  if (filled.ok()) _exit(0);
  parts_.log("pool.failed why=" + quoted(to_string(filled.error())));
  _exit(1);
}

/// From an opening in whose workspace nothing runs any more. Beside it the next session may begin
/// while this one's work is still being written.
void Server::take_disk(Live& live, protocol::Message message) {
  Result<KeptDisk> read = read_disk(std::move(message));
  if (!read.ok()) return;
  KeptDisk kept = read.take();
  live.disk.emplace(std::move(kept.disk));
  write_back(live, std::move(kept.overlays));
}

/// In a process of its own, that closes the overlays afterwards: it can take seconds.
void Server::write_back(Live& live, std::vector<UniqueFd> overlays) {
  const pid_t pid = fork();
  if (pid < 0) return live.disk.reset();  // unmounting writes back
  if (pid > 0) {
    writers_.push_back({pid, live.workspace});
    return;
  }
  (void)prctl(PR_SET_NAME, "carrel-disk-end");
  const storage::WorkspaceDisk disk = std::move(*live.disk);
  leave_others_alone();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const int failed = syncfs(disk.folder_fd()) == 0 ? 0 : errno;
  overlays.clear();
  _exit(failed);
}

/// Whether this process was one. A disk that could not be written is nobody's: the next opening
/// mounts it, and replays its journal.
bool Server::end_writer(pid_t pid, int status) {
  const auto found = std::find_if(writers_.begin(), writers_.end(),
                                  [pid](const Writer& each) { return each.pid == pid; });
  if (found == writers_.end()) return false;
  const std::string workspace = std::move(found->workspace);
  writers_.erase(found);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  parts_.log("disk.unwritten workspace=" + workspace + " status=" + std::to_string(status));
  (void)lingering_.take(workspace);
  for (Live& live : live_) {
    if (live.workspace == workspace) live.disk.reset();
  }
  return true;
}

bool Server::is_being_written(const std::string& workspace) const {
  return std::any_of(writers_.begin(), writers_.end(),
                     [&workspace](const Writer& each) { return each.workspace == workspace; });
}

/// After a session of which nothing is left: whoever opens the workspace next finds its disk as it
/// stands. Nobody else can mount it meanwhile, for the image is locked with it.
void Server::keep_disk(Live& live, uint64_t now_ms) {
  if (!live.disk.has_value() || stopping_ || host_.low()) return;
  lingering_.add(live.workspace, std::move(*live.disk), now_ms);
}

void Server::give_up_disks(uint64_t now_ms) {
  for (const std::string& workspace : lingering_.give_up(now_ms, host_.low()))
    parts_.log("disk.unmounted workspace=" + workspace);
}

}  // namespace carrel::service
