#pragma once
// Raw bytes between ssh's standard streams and a session's stream, in both directions at once.

#include <cstdint>
#include <optional>
#include <string>

#include "profiles/base/result.h"

namespace carrel::ssh_cli {

/// Waits for the first bytes of the stream, which an ssh server sends unasked (RFC 4253 4.2), and
/// takes the line that a session sends in place of one: why there is none, safe to show. Nothing
/// where there is a server, where the stream has ended, or where nobody reads `out_fd` any more.
std::optional<std::string> take_refusal(int out_fd, int stream_fd);

/// Passes `in_fd` to the socket `stream_fd`, and what comes from it to `out_fd`, in memory of at
/// most 64 KiB a direction. The end of `in_fd` is passed on (shutdown(2)); returns when the stream
/// has ended and all of it is written, or when nobody reads `out_fd` any more. Answers how many
/// bytes came from the stream. Changes no flag of `in_fd` and `out_fd`, which others may share.
Result<uint64_t> relay(int in_fd, int out_fd, int stream_fd);

}  // namespace carrel::ssh_cli
