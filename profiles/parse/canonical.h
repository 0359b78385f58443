#pragma once
// The resolved profile as one exact byte string: what event 0 carries and what its digest is taken
// of. Source lines are not in it, so that layout and comments do not change the digest.

#include <span>
#include <string>
#include <string_view>

#include "profiles/base/result.h"
#include "profiles/model/profile.h"
#include "profiles/parse/not_yet.h"

namespace carrel::parse {

/// Canonical JSON: keys sorted, no white space, UTF-8, only integers, strings, lists and objects
/// (true is 1); required keys and the defaults of session, repository and toolchain.root written
/// out, what else has its default or is not there left out; the bytes of Python's
/// json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).
/// profile_sha256 is SHA-256 of these bytes; durations are seconds.
std::string to_canonical(const model::Profile& profile);

/// The strict inverse, for bytes that another program sent: at most kMaxCanonicalBytes, every rule
/// of parse_profile checked again, and to_canonical of the result must give the same bytes. The
/// profile has no source lines (all 0).
Result<model::Profile> parse_canonical(std::string_view bytes);
/// The same with another list of what is refused.
Result<model::Profile> parse_canonical(std::string_view bytes, std::span<const NotYet> refused);

/// The same profile with every source line 0: what parse_canonical gives back.
model::Profile without_lines(model::Profile profile);

}  // namespace carrel::parse
