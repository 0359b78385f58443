#pragma once
// The forced command of an ssh connection's server: whatever the client asks for (a shell, a
// command, sftp) runs in the workspace, and this relays it. It runs in the server's jail, as the
// server's uid, and has nothing that the session does not check.

#include <optional>
#include <string>
#include <vector>

namespace carrel::channel {

/// What runs in the workspace for what sshd hands over in SSH_ORIGINAL_COMMAND (sshd_config(5),
/// ForceCommand): nothing for a shell; the file transfer server for "internal-sftp", which scp(1)
/// asks for as well; else the words as a shell takes them. Pure. `sftp_server`: its path, "" where
/// the host has none: then asking for it gives a command that says so and fails.
std::vector<std::string> command_of(const std::optional<std::string>& original,
                                    const std::string& sftp_server);

/// Asks the session, relays until the command has ended, answers its status; 123 where the session
/// cannot be asked. One thread.
int run_channel();

}  // namespace carrel::channel
