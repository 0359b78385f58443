#include "launcher/service/kept_disk.h"

#include <cerrno>
#include <iterator>
#include <utility>

namespace carrel::service {

Status send_disk(protocol::Connection& server, KeptDisk kept) {
  const storage::DiskParts parts = kept.disk.give_parts();
  std::vector<int> fds{parts.mount.get(), parts.folder.get()};
  for (const UniqueFd& overlay : kept.overlays)
    fds.push_back(overlay.get());
  return server.send(kKeptDisk, parts.device, fds);
}

Result<KeptDisk> read_disk(protocol::Message message) {
  std::vector<UniqueFd>& fds = message.fds;
  if (message.type != kKeptDisk || fds.size() < 2) return Error{"no disk came", EPROTO};
  KeptDisk kept{
      storage::WorkspaceDisk::of({std::move(fds[0]), std::move(fds[1]), std::move(message.body)}),
      {}};
  kept.overlays.assign(std::make_move_iterator(fds.begin() + 2),
                       std::make_move_iterator(fds.end()));
  return kept;
}

}  // namespace carrel::service
