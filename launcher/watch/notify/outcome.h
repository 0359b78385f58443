#pragma once
// What will come of a call, as far as it can be known before it is carried out. Pure: decided from
// what the view saw of the name.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "launcher/watch/notify/records.h"

namespace carrel::notify {

/// A name as the workspace's root shows it, looked up with the payload's rights.
struct Seen {
  int error = 0;         // of the look-up: 0, ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, …
  bool unclear = false;  // a link of the kernel's own (/proc/self/fd/1) led away: nothing is known
  mode_t mode = 0;       // of what is there
  bool mounted = false;  // it is the root of a mount: it stays where it is
  FileId file;
  std::string path;  // the kernel's own name of what is there
  int may_read = 0;  // 0, or the errno of faccessat(2): EACCES, EROFS
  int may_write = 0;
  int may_execute = 0;
  bool parent_there = false;  // with ENOENT: the folder it would be made in is
  int parent_write = 0;       // of that folder, also where the name is there
};

struct Outcome {
  int error = 0;
  bool created = false;
};

/// open(2) with these flags: what the name alone decides.
Outcome outcome_of_open(const Seen& seen, uint32_t flags);
/// execve(2).
int outcome_of_exec(const Seen& seen);
/// chdir(2).
int outcome_of_enter(const Seen& seen);
/// unlink(2), rmdir(2), and the old name of rename(2). The last component was not followed.
int outcome_of_removal(const Seen& seen);
/// mkdir(2), mknod(2), symlink(2), and the new name of link(2). The last component was not
/// followed.
int outcome_of_making(const Seen& seen);
/// The new name of rename(2): what is there is replaced.
int outcome_of_new_name(const Seen& seen);
/// connect(2) in a network namespace that has nothing but its own loopback: ENETUNREACH where the
/// address is none of that.
int outcome_of_connect(std::string_view address);
/// The same where there is a gateway: whether it would have the connection (an internet address
/// that is not loopback).
bool leads_out(std::string_view address);

}  // namespace carrel::notify
