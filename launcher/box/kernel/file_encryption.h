#pragma once
// Encryption of a directory by the file system (Documentation/filesystems/fscrypt.rst): policy
// version 2, AES-256-XTS for contents, AES-256-CTS for names, names padded to 32 bytes. Extended
// attributes and sizes are not encrypted.

#include <array>
#include <cstdint>

#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::kernel {

inline constexpr size_t kFileKeyBytes = 64;
using FileKeyId = std::array<uint8_t, 16>;  // derived from the key by the kernel

/// Gives the file system of the folder `folder_fd` (O_RDONLY) a key of kFileKeyBytes; twice is
/// once. It stays until the file system is unmounted. Needs CAP_SYS_ADMIN.
Result<FileKeyId> add_file_key(int folder_fd, const Secret& key);

/// Makes everything in an empty directory, and only that, encrypted with the key; nothing when it
/// already is with the same, EEXIST when with another.
Status encrypt_folder(int folder_fd, const FileKeyId& key);

}  // namespace carrel::kernel
