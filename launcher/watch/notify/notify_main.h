#pragma once
// carrel-notify as a function.

namespace carrel::notify {

/// Serves one workspace: descriptor 3 is a socket that brings the listener, 4 the pipe for records,
/// 5 the counters' memory (carrel_counters), 6 a socket (SOCK_SEQPACKET) that brings listeners of
/// ssh servers outside of the workspace: each a message of the channel's number (uint32_t, not 0)
/// with one descriptor. Any other message closes that socket and nothing else.
///
/// Ends with the workspace, or when nobody reads the pipe any more: the kernel then answers ENOSYS
/// to what would have been notified. A server that still runs keeps nothing going, nor does what
/// becomes of descriptor 6.
int notify_main();

}  // namespace carrel::notify
