#pragma once
// The keys of all workspaces of a state folder, in one preallocated file of fixed slots that is
// only ever overwritten in place: erasing a workspace is overwriting its slot. Each key is wrapped
// with the folder's host key (AES-256-GCM, NIST SP 800-38D; the workspace's name is authenticated
// with it), so that a copy of the slots alone opens nothing.
//
// What an overwritten block leaves behind on a disk that moves blocks about (an SSD, a snapshot of
// the host) is not in anybody's hands here: the record may say "key erased", never "unrecoverable".

#include <cstdint>
#include <optional>
#include <string>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/unique_fd.h"

namespace carrel::storage {

/// Two files in a folder of the launcher's own (0700): `host.key` (32 bytes) and `workspaces.keys`.
/// Several processes may use them at once: every call takes a lock on the slots.
class KeySlots {
 public:
  static constexpr size_t kSlots = 8192;
  static constexpr size_t kNameBytes = 26;  // a ULID

  /// Opens both, or makes them. A host key without its slots, or of another size, is an Error:
  /// nothing of it is replaced, for a new one would lose every workspace.
  static Result<KeySlots> open(int folder_fd);

  /// A new random key of kernel::kFileKeyBytes, written and synced before the answer. EEXIST when
  /// the workspace has one, ENOSPC when no slot is free.
  Result<Secret> make(const std::string& workspace);
  /// Its key, nothing when it has none, an Error (EBADMSG) when the slot was tampered with.
  Result<std::optional<Secret>> find(const std::string& workspace) const;
  /// Overwrites its slot and syncs. True when there was one.
  Result<bool> erase(const std::string& workspace);

 private:
  KeySlots(UniqueFd slots, Secret host_key)
      : slots_(std::move(slots)), host_key_(std::move(host_key)) {}

  UniqueFd slots_;
  Secret host_key_;
};

}  // namespace carrel::storage
