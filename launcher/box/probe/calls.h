#pragma once
// One question to the kernel each; none changes anything outside this process. Used by probe.cc
// only.

#include <cstdint>

namespace carrel::probe {

/// The Landlock ABI, 0 for none. landlock_create_ruleset(2).
int landlock_abi();
bool has_clone_into_cgroup();
bool has_openat2();
bool has_seccomp_action(uint32_t action);
/// A listener whose calls a signal cannot break off once it has them (Linux 5.19).
bool has_user_notify();
bool has_close_range();
bool has_pidfd();
bool has_secret_memory();
/// The kernel has that type of file system (fsopen(2), which loads its module).
bool has_file_system(const char* type);
/// CAP_SYS_ADMIN is effective.
bool has_admin_capability();

}  // namespace carrel::probe
