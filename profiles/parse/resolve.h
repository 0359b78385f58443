#pragma once
// A profile with everything it extends becomes one resolved profile. Pure: the caller brings the
// sources of the parents.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/parse/checks.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {

inline constexpr size_t kMaxParents = 8;                 // of one file
inline constexpr size_t kMaxDepth = 8;                   // of a chain, the profile itself included
inline constexpr size_t kMaxFiles = 16;                  // in all
inline constexpr size_t kMaxAllBytes = kMaxSourceBytes;  // of all sources together

/// The source of a parent by the name that stands in `extends`; an Error says why there is none.
using Lookup = std::function<Result<std::string>(std::string_view name)>;

/// One parent as it was used.
struct UsedSource {
  std::string name;  // as in `extends`
  std::string source;
  bool operator==(const UsedSource&) const = default;
};

struct ResolvedProfile {
  model::Profile profile;
  std::vector<std::string> warnings;
  std::vector<UsedSource> parents;  // in the order of SourceLine.file, which counts from 1
  /// What messages and rules call the file of a SourceLine: the profile's own name as given, a
  /// library name as it is, a "./NAME.toml" beside the profile.
  std::vector<std::string> files;
};

/// Resolves `source` and what it extends:
/// - tables and lists of the parents are taken over as parse::merge says, a later parent over an
///   earlier one, the profile over all;
/// - a parent that has the key `profile` is whole: what it does not grant it denies. One without it
///   is a part: it denies only what it speaks of;
/// - what the profile allows and a parent denies is an error, unless one of its own [[widen]] names
///   the rule, "PARENT:RULE", RULE being the rule itself or all before one of its dots.
/// Names: a library's "base/contractor", which may extend only such; or "./NAME.toml" beside the
/// profile. Depth, number and bytes are bounded; a circle is refused with its chain. Errors as
/// parse_profile, each with the name of its own file. Never throws.
Result<ResolvedProfile> resolve(std::string_view source, std::string_view file_name,
                                const Lookup& lookup);
Result<ResolvedProfile> resolve(std::string_view source, std::string_view file_name,
                                const Lookup& lookup, std::span<const NotYet> refused);

/// Nothing when `name` may stand in `extends`, else what is wrong with it.
Complaint check_parent_name(std::string_view name);
/// Whether a name is one of the profile's own folder ("./NAME.toml").
bool is_beside(std::string_view name);

/// A lookup in sources that are at hand.
Lookup lookup_in(std::span<const UsedSource> sources);

}  // namespace carrel::parse
