#pragma once
// A profile's tree over the trees of what it extends.

#include "profiles/compare/compare.h"
#include "profiles/parse/toml_tree.h"

namespace carrel::parse {

/// `child` over `parent`: tables are merged key by key, lists of tables by name, host or port, and
/// what `child` says wins; `never` entries of both hold; another list replaces the parent's, an
/// empty one takes it away. A file's own keys (profile, version, summary, extends, widen) are not
/// taken over. What stays is as deep as the two were. Pure.
Value merge(const Value& parent, Value child);

/// Takes away the empty lists that only said "none of the parent's": those that stand in another
/// file than the profile itself, and those whose key `parent` has.
void drop_empty_lists(Value& merged, const Value& parent);

/// Takes away the tables of other files that speak of a repository, a host or a credential without
/// saying which one it is (no source, no ports, …): they hold for whoever has it, and grant
/// nothing.
void drop_unfinished(Value& merged);

/// What a part's tree speaks of; "repository.app.read" for a key of a list's table.
compare::Said said_by(const Value& root);

}  // namespace carrel::parse
