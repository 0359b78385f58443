#include "launcher/box/storage/key_slots.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "launcher/box/kernel/file_encryption.h"
#include "profiles/base/text.h"

namespace carrel::storage {
namespace {

constexpr size_t kHostKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kSlotBytes = 128;

/// One slot as it lies in the file; all zeros: free.
struct Slot {
  std::array<unsigned char, KeySlots::kNameBytes> name;
  std::array<unsigned char, 10> zero;
  std::array<unsigned char, kNonceBytes> nonce;
  std::array<unsigned char, kernel::kFileKeyBytes> wrapped;
  std::array<unsigned char, kTagBytes> tag;
};
static_assert(sizeof(Slot) == kSlotBytes);

/// That are looked through with one call: a new workspace's name is in none of them.
constexpr size_t kSlotsAtOnce = 512;
static_assert(KeySlots::kSlots % kSlotsAtOnce == 0);

/// The file's lock for as long as it lives (flock(2)).
class Lock {
 public:
  Lock(int fd, int how) : fd_(fd) {
    while (flock(fd_, how) != 0 && errno == EINTR) {
    }
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { (void)flock(fd_, LOCK_UN); }

 private:
  int fd_;
};

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool seal(const Secret& host_key, std::string_view key, Slot& slot) {
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  return cipher != nullptr &&
         RAND_bytes(slot.nonce.data(), static_cast<int>(slot.nonce.size())) == 1 &&
         EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(host_key.expose()),
                            slot.nonce.data()) == 1 &&
         EVP_EncryptUpdate(cipher.get(), nullptr, &length, slot.name.data(),
                           static_cast<int>(slot.name.size())) == 1 &&
         EVP_EncryptUpdate(cipher.get(), slot.wrapped.data(), &length, bytes_of(key),
                           static_cast<int>(key.size())) == 1 &&
         EVP_EncryptFinal_ex(cipher.get(), slot.wrapped.data() + length, &length) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                             slot.tag.data()) == 1;
}

/// Empty when the slot is not what was sealed.
Secret unseal(const Secret& host_key, Slot slot) {
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string key(kernel::kFileKeyBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(key.data());
  int length = 0;
  const bool good = cipher != nullptr &&
                    EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr,
                                       bytes_of(host_key.expose()), slot.nonce.data()) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), nullptr, &length, slot.name.data(),
                                      static_cast<int>(slot.name.size())) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), out, &length, slot.wrapped.data(),
                                      static_cast<int>(slot.wrapped.size())) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG,
                                        static_cast<int>(kTagBytes), slot.tag.data()) == 1 &&
                    EVP_DecryptFinal_ex(cipher.get(), out + length, &length) == 1;
  Secret secret(std::move(key));
  if (!good) secret.wipe();
  return secret;
}

/// As many as there is room for, from that one on.
Status read_slots(int fd, size_t first, std::span<Slot> slots) {
  const ssize_t got =
      pread(fd, slots.data(), slots.size_bytes(), static_cast<off_t>(first * kSlotBytes));
  if (got < 0) return errno_error("read the workspaces' keys");
  if (static_cast<size_t>(got) != slots.size_bytes()) {
    return Error{"the file of the workspaces' keys is too short", EBADMSG};
  }
  return Done{};
}

Result<Slot> read_slot(int fd, size_t index) {
  Slot slot{};
  RETURN_IF_ERROR(read_slots(fd, index, std::span(&slot, 1)));
  return slot;
}

Status write_slot(int fd, size_t index, const Slot& slot) {
  const ssize_t put = pwrite(fd, &slot, sizeof slot, static_cast<off_t>(index * kSlotBytes));
  if (put != sizeof slot || fdatasync(fd) != 0) return errno_error("write the workspaces' keys");
  return Done{};
}

bool is_named(const Slot& slot, std::string_view name) {
  return name.size() == slot.name.size() && memcmp(slot.name.data(), name.data(), name.size()) == 0;
}

bool is_free(const Slot& slot) {
  const Slot empty{};
  return memcmp(&slot, &empty, sizeof slot) == 0;
}

/// The slot of that name; of "" (all zeros): the first free one.
Result<std::optional<size_t>> find_slot(int fd, const std::string& name) {
  std::vector<Slot> slots(kSlotsAtOnce);
  for (size_t first = 0; first < KeySlots::kSlots; first += slots.size()) {
    RETURN_IF_ERROR(read_slots(fd, first, slots));
    const auto found = std::find_if(slots.begin(), slots.end(), [&name](const Slot& slot) {
      return name.empty() ? is_free(slot) : is_named(slot, name);
    });
    if (found != slots.end()) {
      return std::optional<size_t>(first + static_cast<size_t>(found - slots.begin()));
    }
  }
  return std::optional<size_t>();
}

Status check_name(const std::string& workspace) {
  if (workspace.size() == KeySlots::kNameBytes) return Done{};
  return Error{"no workspace's name: " + quoted(workspace), EINVAL};
}

/// Complete under its own name or not there at all: written beside, synced, renamed, synced.
Status make_file(int folder_fd, const char* name, std::string_view content) {
  const std::string beside = std::string(name) + ".new";
  (void)unlinkat(folder_fd, beside.c_str(), 0);  // of one that died half way
  const UniqueFd file(openat(folder_fd, beside.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error(std::string("make ") + name);
  if (write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      fsync(file.get()) != 0 || renameat(folder_fd, beside.c_str(), folder_fd, name) != 0 ||
      fsync(folder_fd) != 0) {
    return errno_error(std::string("write ") + name);
  }
  return Done{};
}

Result<UniqueFd> open_file(int folder_fd, const char* name, off_t size) {
  UniqueFd file(openat(folder_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return errno_error(std::string("open ") + name);
  struct stat what {};
  if (fstat(file.get(), &what) != 0) return errno_error(std::string("fstat ") + name);
  if (!S_ISREG(what.st_mode) || what.st_size != size || what.st_uid != geteuid() ||
      (what.st_mode & 077) != 0) {
    return Error{std::string(name) + " is not a file of its size that only its owner can read",
                 EBADMSG};
  }
  return file;
}

bool is_there(int folder_fd, const char* name) {
  return faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

constexpr const char* kHostKey = "host.key";
constexpr const char* kSlotsFile = "workspaces.keys";

/// Without a host key there may be slots of one that died while it made both: they are all free.
Status check_no_keys_lost(int folder_fd) {
  const UniqueFd slots(openat(folder_fd, kSlotsFile, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!slots.valid() && errno == ENOENT) return Done{};
  if (!slots.valid()) return errno_error("open the workspaces' keys");
  for (size_t i = 0; i < KeySlots::kSlots; ++i) {
    ASSIGN_OR_RETURN(const Slot slot, read_slot(slots.get(), i));
    if (is_free(slot)) continue;
    return Error{
        "host.key is missing and workspaces.keys is not empty: without it no workspace can "
        "be opened any more; put it back",
        EBADMSG};
  }
  return Done{};
}

/// Slots first, the host key last: whoever finds a host key finds its slots.
Status make_both(int folder_fd) {
  RETURN_IF_ERROR(check_no_keys_lost(folder_fd));
  RETURN_IF_ERROR(
      make_file(folder_fd, kSlotsFile, std::string(KeySlots::kSlots * kSlotBytes, '\0')));
  std::string key(kHostKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1) {
    return Error{"no random bytes for the host's key"};
  }
  const Secret secret(std::move(key));
  return make_file(folder_fd, kHostKey, secret.expose());
}

}  // namespace

Result<KeySlots> KeySlots::open(int folder_fd) {
  {
    const Lock lock(folder_fd, LOCK_EX);
    if (!is_there(folder_fd, kHostKey)) RETURN_IF_ERROR(make_both(folder_fd));
  }
  ASSIGN_OR_RETURN(const UniqueFd host, open_file(folder_fd, kHostKey, kHostKeyBytes));
  ASSIGN_OR_RETURN(UniqueFd slots,
                   open_file(folder_fd, kSlotsFile, static_cast<off_t>(kSlots * kSlotBytes)));
  std::string key(kHostKeyBytes, '\0');
  if (pread(host.get(), key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return errno_error("read the host's key");
  }
  return KeySlots(std::move(slots), Secret(std::move(key)));
}

Result<Secret> KeySlots::make(const std::string& workspace) {
  RETURN_IF_ERROR(check_name(workspace));
  const Lock lock(slots_.get(), LOCK_EX);
  ASSIGN_OR_RETURN(const std::optional<size_t> taken, find_slot(slots_.get(), workspace));
  if (taken.has_value()) return Error{"the workspace " + workspace + " has a key", EEXIST};
  ASSIGN_OR_RETURN(const std::optional<size_t> free, find_slot(slots_.get(), ""));
  if (!free.has_value()) {
    return Error{"there is no room for another workspace's key: end tasks that are done", ENOSPC};
  }
  std::string key(kernel::kFileKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1) {
    return Error{"no random bytes for a workspace's key"};
  }
  Secret secret(std::move(key));
  Slot slot{};
  memcpy(slot.name.data(), workspace.data(), workspace.size());
  if (!seal(host_key_, secret.expose(), slot)) return Error{"wrap the workspace's key"};
  RETURN_IF_ERROR(write_slot(slots_.get(), *free, slot));
  return secret;
}

Result<std::optional<Secret>> KeySlots::find(const std::string& workspace) const {
  RETURN_IF_ERROR(check_name(workspace));
  const Lock lock(slots_.get(), LOCK_SH);
  ASSIGN_OR_RETURN(const std::optional<size_t> at, find_slot(slots_.get(), workspace));
  if (!at.has_value()) return std::optional<Secret>();
  ASSIGN_OR_RETURN(const Slot slot, read_slot(slots_.get(), *at));
  Secret key = unseal(host_key_, slot);
  if (key.empty()) {
    return Error{"the key of workspace " + workspace + " was changed by somebody", EBADMSG};
  }
  return std::optional<Secret>(std::move(key));
}

Result<bool> KeySlots::erase(const std::string& workspace) {
  RETURN_IF_ERROR(check_name(workspace));
  const Lock lock(slots_.get(), LOCK_EX);
  ASSIGN_OR_RETURN(const std::optional<size_t> at, find_slot(slots_.get(), workspace));
  if (!at.has_value()) return false;
  RETURN_IF_ERROR(write_slot(slots_.get(), *at, Slot{}));
  return true;
}

}  // namespace carrel::storage
