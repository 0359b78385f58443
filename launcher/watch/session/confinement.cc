#include "launcher/watch/session/confinement.h"

namespace carrel::session {

confine::Confinement session_confinement(const SessionInput& input) {
  confine::Confinement list;
  if (confine::landlock_abi() > 0) {
    list.landlock.emplace();
    list.landlock->push_back({input.credentials.get(), confine::PathRights::kReadWrite});
    for (const RepositoryInput& repository : input.repositories) {
      list.landlock->push_back({repository.tree.get(), confine::PathRights::kRead});
      list.landlock->push_back({repository.pristine.get(), confine::PathRights::kRead});
      list.landlock->push_back({repository.upper.get(), confine::PathRights::kRead});
      list.landlock->push_back({repository.slice.get(), confine::PathRights::kRead});
    }
  }
  list.syscalls = confine::common_syscalls();
  for (const char* name : {// the tree difference, beneath descriptors
                           "openat", "openat2", "newfstatat", "statx", "getdents64", "readlinkat",
                           "fstatfs", "fadvise64",
                           // credentials
                           "mkdirat", "unlinkat", "renameat", "renameat2", "fchmod",
                           // who asks from inside
                           "accept4", "getsockopt",
                           // pipes of an attached command
                           "pipe2",
                           // the size of a terminal
                           "ioctl",
                           // the thread that reads the ring, and sizes that the C library asks for
                           "clone", "clone3", "prlimit64", "sysinfo"}) {
    list.syscalls.emplace_back(name);
  }
#ifdef __SANITIZE_ADDRESS__
  // The sanitizers' run time probes memory and gives each thread a stack; never in what is shipped.
  list.syscalls.emplace_back("sigaltstack");
#endif
  return list;
}

}  // namespace carrel::session
