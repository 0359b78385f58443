#include "broker/programs/broker_confinement.h"

#include <unistd.h>

namespace carrel::programs {

confine::Confinement broker_confinement(const BrokerOptions& options) {
  confine::Confinement list;
  if (geteuid() == 0) {
    list.root_fd = options.store_fd;
    if (options.uid != 0) list.ids = confine::Ids{options.uid, options.uid};
  }
  if (confine::landlock_abi() > 0) {
    list.landlock = {{options.store_fd, confine::PathRights::kReadWrite}};
  }
  list.syscalls = confine::common_syscalls();
  for (const char* name : {// clients
                           "accept4", "getsockopt",
                           // the store and SQLite's files in it
                           "openat", "newfstatat", "access", "faccessat", "faccessat2", "readlink",
                           "readlinkat", "getcwd", "getdents64", "mkdir", "mkdirat", "unlink",
                           "unlinkat", "rename", "renameat", "ftruncate", "fallocate", "fchmod",
                           "fsync", "fdatasync", "sync_file_range", "open", "stat", "lstat",
                           // sysconf(3), by the C library's sort
                           "sysinfo", "prlimit64"}) {
    list.syscalls.emplace_back(name);
  }
  return list;
}

}  // namespace carrel::programs
