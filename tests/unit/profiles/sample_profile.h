#pragma once
// Profile sources for tests: a minimal one, one with every enforced key, and the parse of a text.

#include <gtest/gtest.h>

#include <string>

#include "profiles/parse/parse.h"

namespace carrel::tests {

/// Only what is required; 5 lines, so that what a test appends begins on line 6.
inline std::string minimal_profile() {
  return "profile = \"p\"\n"
         "version = 1\n"
         "summary = \"s\"\n"
         "[purpose]\n"
         "statement = \"why\"\n";
}

/// The minimal profile with one repository; what a test appends is part of [[repository]], line 10.
inline std::string with_repository(const std::string& more = "") {
  return minimal_profile() +
         "[[repository]]\n"
         "name = \"app\"\n"
         "source = \"/srv/app.git\"\n"
         "ref = \"main\"\n" +
         more;
}

/// Every enforced key, with values that are no defaults where there is a choice.
inline std::string full_profile() {
  return R"(profile = "dashboard-fix"
version = 3
summary = "Fix widgets. \"Café\" only."

[purpose]
statement = "Ticket FE-1432"
use = "testing"

[session]
max_duration = "8h"
assurance = "full"
start_after = "recorded"
keystrokes = "off"
on_record_failure = "end"

[[repository]]
name = "app"
source = "../app.git"
ref = "main"
history = "none"
read = ["docs", "package.json"]
write = ["web/src"]
never = ["web/src/secrets", "deploy"]

[[repository]]
name = "aux"
source = "/srv/git/aux.git"
ref = "refs/tags/v1"
write = ["lib"]

[[credential]]
name = "ci"
kind = "jwt"
audience = "https://ci.example.org"
ttl = "90s"

[toolchain]
root = "host"
)";
}

/// The profile of a text that must parse.
inline model::Profile parsed(const std::string& source) {
  auto result = parse::parse_profile(source, "p.toml");
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().what);
  return result.ok() ? result.take().profile : model::Profile{};
}

/// The errors of a text that must not parse.
inline std::string errors_of(const std::string& source) {
  const auto result = parse::parse_profile(source, "p.toml");
  return result.ok() ? "(accepted)" : result.error().what;
}

}  // namespace carrel::tests
