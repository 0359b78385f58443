#include "launcher/box/kernel/file_encryption.h"

#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstddef>

namespace carrel::kernel {

Result<FileKeyId> add_file_key(int folder_fd, const Secret& key) {
  if (key.expose().size() != kFileKeyBytes) return Error{"a file key has 64 bytes", EINVAL};
  // The argument ends in the key's bytes (a flexible array).
  alignas(fscrypt_add_key_arg) std::array<char, sizeof(fscrypt_add_key_arg) + kFileKeyBytes> room{};
  auto* argument = reinterpret_cast<fscrypt_add_key_arg*>(room.data());
  argument->key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  argument->raw_size = kFileKeyBytes;
  memcpy(room.data() + offsetof(fscrypt_add_key_arg, raw), key.expose().data(), kFileKeyBytes);
  const int done = ioctl(folder_fd, FS_IOC_ADD_ENCRYPTION_KEY, argument);
  const int number = errno;
  FileKeyId id{};
  static_assert(sizeof id == FSCRYPT_KEY_IDENTIFIER_SIZE);
  memcpy(id.data(), argument->key_spec.u.identifier, id.size());
  explicit_bzero(room.data(), room.size());
  if (done != 0) return Error{"give the file system its key", number};
  return id;
}

Status encrypt_folder(int folder_fd, const FileKeyId& key) {
  fscrypt_policy_v2 policy{};
  policy.version = FSCRYPT_POLICY_V2;
  policy.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS;
  policy.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS;
  policy.flags = FSCRYPT_POLICY_FLAGS_PAD_32;
  memcpy(policy.master_key_identifier, key.data(), key.size());
  if (ioctl(folder_fd, FS_IOC_SET_ENCRYPTION_POLICY, &policy) != 0) {
    return errno_error("encrypt the workspace's folder");
  }
  return Done{};
}

}  // namespace carrel::kernel
