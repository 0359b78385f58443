#pragma once
// One file of the admin's that holds a secret, read with everything checked that could have let
// somebody else read or write it.

#include <string>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::secrets {

/// Largest file that is taken for a secret.
inline constexpr size_t kMaxSecret = size_t{64} << 10;

/// A folder of such files.
struct Folder {
  int fd = -1;        // borrowed
  std::string words;  // for messages: "secrets/ of the state folder"
};

/// The contents of `name` in the folder, without one line feed at the end. Taken only of a regular
/// file (no symbolic link) with mode 0400 or 0600 that belongs to whom the folder belongs to, of 1
/// byte to 64 KiB. ENOENT where it is missing; every other Error says what is wrong with it and
/// what to do. Never blocks, not even on a pipe.
Result<Secret> read_secret_file(const Folder& folder, const std::string& name);

}  // namespace carrel::secrets
