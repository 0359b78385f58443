#include "launcher/gateway/relay/kept.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace carrel::gateway {
namespace {

constexpr uint64_t kLayout = 0x6361'7272'656c'0001;  // another one for every change of Memory
constexpr size_t kMostHost = 256;                    // RFC 1035 2.3.4, and room for "*."
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

}  // namespace

/// Of zeros where nothing was written: of this program alone, on this host.
struct Kept::Memory {
  struct Name {
    std::array<char, kMostHost> host;  // NUL behind it
    std::array<uint64_t, 2> used;      // up, down
  };
  uint64_t layout;
  uint64_t next_number;
  uint64_t names;
  uint64_t authority_size;
  std::array<char, kMostAuthority> authority;
  std::array<Name, kMostNames> name;
};

void Kept::Unmap::operator()(Memory* memory) const {
  (void)munmap(memory, sizeof *memory);
}

Result<Kept> Kept::map(UniqueFd file) {
  void* where = mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (where == MAP_FAILED) return errno_error("map what a gateway leaves to the next one");
  Kept kept;
  kept.file_ = std::move(file);
  kept.memory_.reset(static_cast<Memory*>(where));
  return kept;
}

Result<Kept> Kept::create() {
  UniqueFd file(memfd_create("carrel-kept", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return errno_error("memfd_create");
  if (ftruncate(file.get(), sizeof(Memory)) != 0 || fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) {
    return errno_error("make what a gateway leaves to the next one");
  }
  ASSIGN_OR_RETURN(Kept kept, map(std::move(file)));
  kept.memory_->layout = kLayout;
  kept.memory_->next_number = 1;
  return kept;
}

Result<Kept> Kept::take_over(UniqueFd file) {
  struct stat what {};
  // Its end cannot be taken away below us (SIGBUS).
  const int seals = fcntl(file.get(), F_GET_SEALS);  // -1 of what has none
  const bool sealed = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
  if (fstat(file.get(), &what) != 0 || !sealed || what.st_size != off_t{sizeof(Memory)}) {
    return Error{"what the gateway before left is of another size", EPROTO};
  }
  ASSIGN_OR_RETURN(Kept kept, map(std::move(file)));
  const Memory& memory = *kept.memory_;
  if (memory.layout != kLayout || memory.names > kMostNames ||
      memory.authority_size > kMostAuthority) {
    return Error{"what the gateway before left cannot be read", EPROTO};
  }
  for (size_t i = 0; i < memory.names; ++i) {
    if (memory.name[i].host.back() != '\0') {
      return Error{"what the gateway before left cannot be read", EPROTO};
    }
  }
  return kept;
}

uint64_t& Kept::next_number() {
  return memory_->next_number;
}

uint64_t* Kept::used(std::string_view host, Way way) {
  Memory& memory = *memory_;
  const size_t which = way == Way::kUp ? 0 : 1;
  auto* const end = memory.name.begin() + std::min<uint64_t>(memory.names, kMostNames);
  auto* found = std::find_if(memory.name.begin(), end, [host](const Memory::Name& each) {
    return host == std::string_view(each.host.data());
  });
  if (found != end) return &found->used[which];
  if (end == memory.name.end() || host.size() >= kMostHost) return nullptr;
  *found = {};
  std::copy(host.begin(), host.end(), found->host.begin());
  ++memory.names;  // last: one that dies in the middle has added none
  return &found->used[which];
}

Status Kept::keep_authority(const Secret& pem) {
  const std::string_view bytes = pem.expose();
  if (bytes.size() > kMostAuthority) {
    return Error{"the session's authority has too many names to outlive its gateway", EFBIG};
  }
  std::copy(bytes.begin(), bytes.end(), memory_->authority.begin());
  memory_->authority_size = bytes.size();
  return Done{};
}

Secret Kept::authority() const {
  const size_t size = std::min<uint64_t>(memory_->authority_size, kMostAuthority);
  return Secret(std::string(memory_->authority.data(), size));
}

}  // namespace carrel::gateway
