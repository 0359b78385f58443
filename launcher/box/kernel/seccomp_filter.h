#pragma once
// Compiles the table of system calls to a classic BPF program for seccomp(2). Loading it is another
// file's job; compiling needs no privilege and changes nothing in this process.

#include <linux/filter.h>

#include <vector>

#include "launcher/box/plan/seccomp_table.h"
#include "profiles/base/result.h"

namespace carrel::kernel {

/// The program, which answers as plan::evaluate does for every input. Libseccomp arranges the rows
/// as a binary tree; in front of it stand the checks of architecture (any other: the process is
/// killed), of the x32 bit and of numbers without a row (ENOSYS). Fails only where libseccomp
/// refuses a row.
Result<std::vector<sock_filter>> compile_seccomp(const plan::Table& table);

}  // namespace carrel::kernel
