#pragma once
// What git prints when it may not change something, read for the path it is about. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace carrel::session {

/// The path in a message such as "error: unable to unlink old 'docs/a.md': Read-only file system"
/// or "error: unable to create file docs/a.md: Device or resource busy", as git wrote it; nothing
/// where it is no such message. Bounded: one line of at most 8 KiB is looked at.
std::optional<std::string> path_in_git_message(std::string_view message);

}  // namespace carrel::session
