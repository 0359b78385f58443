#pragma once
// carrel-session from its first byte to its last: configuration, confinement, one session.

namespace carrel::session {

/// Runs the session that the launcher describes on `control_fd` (owned). What cannot begin is told
/// to the launcher, too. The program's exit status: 0 once the launcher was told how it ended.
int session_main(int control_fd);

}  // namespace carrel::session
