#pragma once
// A user namespace of the caller's own (user_namespaces(7)): how an ordinary user gets the powers
// that a workspace is built with, over nothing but what is made in it.

#include <sys/types.h>

#include "profiles/base/result.h"

namespace carrel::kernel {

/// Who the caller was before.
struct OuterIds {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Moves the caller into a new user namespace in which it is uid and gid 0, mapped to its own ids
/// and to no others; groups cannot be changed any more (setgroups is denied). It then has every
/// capability there, and none elsewhere. Refuses uid 0: what is nobody's uid outside must never be
/// a workspace's. One thread.
Result<OuterIds> enter_own_user_namespace_as_user();

/// The same for any uid, for a process that only tries things and ends.
Status enter_own_user_namespace();

}  // namespace carrel::kernel
