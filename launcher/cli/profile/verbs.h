#pragma once
// The verbs of `carrel profile`, one function each; what they promise is said by the help text.

#include <cstdio>
#include <string>

#include "launcher/cli/profile/profile.h"

namespace carrel::profile {

int check(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err);
int explain_file(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err);
int lint_file(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err);
int diff(const std::string& before, const std::string& after, const Hooks& hooks, std::FILE* out,
         std::FILE* err);
int test(const std::string& path, const std::string& expectations, const Hooks& hooks,
         std::FILE* out, std::FILE* err);
int begin(const std::string& name, std::FILE* out, std::FILE* err);
int schema(std::FILE* out);

}  // namespace carrel::profile
