#pragma once
// Launcher and broker of a state folder: found running, or started on demand, once.

#include <string>

#include "launcher/cli/start/state_folder.h"
#include "profiles/base/result.h"

namespace carrel::start {

/// The folder with Carrel's other programs: ../libexec/carrel beside this program's own folder.
Result<std::string> programs_folder();

/// Returns when launcher.sock of this state folder answers: at once when it does already, else
/// starts `PROGRAMS/carrel-launcher` under a start-up lock (interfaces.md 7 step 2) and waits for
/// it to be ready (60 s). The launcher keeps none of the caller's descriptors. Caller must be
/// single-threaded. A service is never started from here: it answers, or that is the Error. While
/// the answered lock is held, a launcher that nobody needs does not end: hold it until the question
/// has been sent, and no longer, for it keeps others from starting another pair.
Result<UniqueFd> ensure_running(const StateFolder& state, const std::string& programs);

}  // namespace carrel::start
