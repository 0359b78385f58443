#pragma once
// Patterns of paths and of refs: components between slashes, where "*" stands for one component and
// a last "**" for all that follow. No regular expressions, nothing within a component. Pure.

#include <string_view>

namespace carrel::decide {

/// Whether a pattern of network.http.path ("/v2/**") matches a request's path. The path is
/// canonical (escapes resolved, no "." or "..", no "//") and without its query. "/a/**" does not
/// match "/a", "/a/*" does not match "/a/".
bool matches_path(std::string_view pattern, std::string_view canonical_path);

/// The same of network.http.refs ("refs/heads/contrib/*") and a full name of a ref.
bool matches_ref(std::string_view pattern, std::string_view ref);

/// Whether every text that `inner` matches is matched by `outer`.
bool is_pattern_within(std::string_view inner, std::string_view outer);

}  // namespace carrel::decide
