#pragma once
// Which requests are git's smart HTTP protocol, whatever the repository (git's http-protocol(5)).
// Where a host has git presets these alone let such requests pass: a plain rule reads no bodies and
// knows no refs. Pure.

#include <string_view>

#include "profiles/model/profile.h"

namespace carrel::decide {

/// Whether a server could take a request to this path for one of git's: ".../info/refs" with a
/// query, or ".../git-upload-pack", ".../git-receive-pack" and ".../git-upload-archive". Any method
/// and any case count, so does a slash at the end, and "%2F" is a slash. The path is canonical.
bool is_git_request(std::string_view canonical_path, bool has_query);

/// Whether some request that a plain rule's path and methods match is_git_request(). Of a preset:
/// no.
bool may_be_git(const model::HttpRule& rule);

/// Whether a plain rule matches a request that git makes to the preset's repository, and whether
/// one that carries a body: a fetch or a push.
enum class GitOverlap { kNone, kDiscovery, kBodies };
GitOverlap overlap_of(const model::HttpRule& plain, const model::HttpRule& preset);

/// Whether the table has a git preset, so that its plain rules let none of git's requests pass.
bool has_git_preset(const model::Network& network);

}  // namespace carrel::decide
