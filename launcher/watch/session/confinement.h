#pragma once
// What carrel-session keeps when it has given up everything else.

#include "broker/confine/confine.h"
#include "launcher/watch/session/session_config.h"

namespace carrel::session {

/// Landlock: the working trees and pristine folders to read, the credential folder to write;
/// nothing else can be opened. System calls: those of every program, those that walk a tree and
/// write credentials beneath descriptors, and what makes the one thread. No socket is made, no
/// exec.
confine::Confinement session_confinement(const SessionInput& input);

}  // namespace carrel::session
