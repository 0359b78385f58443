#pragma once
// A profile read for one of the verbs.

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/cli/profile/profile.h"
#include "profiles/parse/resolve.h"

namespace carrel::profile {

inline constexpr int kOk = 0;
inline constexpr int kInvalid = 1;
inline constexpr int kNotFound = 2;

void print(std::FILE* to, std::string_view text);

/// The bytes of a file, or nothing with what is wrong on `err` and the exit code in `code`.
std::optional<std::string> read_file(const std::string& path, std::FILE* err, int& code);

/// A profile with what it extends, its warnings told on `err`; or nothing with what is wrong on
/// `err` and the exit code in `code`.
std::optional<parse::ResolvedProfile> read_profile(const std::string& path, const Hooks& hooks,
                                                   std::FILE* err, int& code);

}  // namespace carrel::profile
