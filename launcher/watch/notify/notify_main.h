#pragma once
// carrel-notify as a function.

namespace carrel::notify {

/// Serves one workspace: descriptor 3 is a socket that brings the listener, 4 the pipe for records,
/// 5 the counters' memory (carrel_counters). Ends with the workspace, or when nobody reads the pipe
/// any more: the kernel then answers ENOSYS to what would have been notified.
int notify_main();

}  // namespace carrel::notify
