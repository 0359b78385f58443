#pragma once
// carrel-gateway: configured by the launcher over one socket, confined before it reads a byte of
// the workspace, gone with its session.

namespace carrel::gateway {

/// `control_fd` is the launcher's. Answers the exit status.
int gateway_main(int control_fd);

}  // namespace carrel::gateway
