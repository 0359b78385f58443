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

/// A profile that uses the whole language, also what is not enforced yet: for parsing without
/// refusals.
inline std::string whole_profile() {
  return R"(profile = "dashboard-fix"
version = 3
summary = "Fix widgets."

[purpose]
statement = "Ticket FE-1432"
recipients = ["acme-studio", "acme-audit"]
jurisdictions = ["PL", "DE"]
agreement = { file = "agreements/nda-2026.md", version = 2, survives = "3y" }

[session]
max_duration = "8h"
idle_timeout = "30m"
hours = { days = "mon-fri", from = "07:00", to = "20:00", zone = "Europe/Berlin" }
assurance = "full"
start_after = "anchored"
keystrokes = "lengths"
on_record_failure = "freeze"

[[repository]]
name = "app"
source = "/srv/git/app.git"
ref = "main"
history = "squashed"
read = ["docs", "package.json"]
write = ["web/src"]
never = ["web/src/secrets"]
enforce = "gate"
submit = { refs = "refs/heads/contrib/{task}/*", reviewers = ["lena"], two_person = true }

[[interface]]
name = "billing-api"
kind = "schema"
path = "api/openapi.yaml"

[[network]]
host = "registry.example.org"
ports = [8443, 443]
mode = "inspect"
http = [{ methods = ["HEAD", "GET"], path = "/v2/**", max_body = "0B" }, { methods = ["POST"], escaped_slash = true }]
credential = "registry-read"
budget = { up = "10MiB", down = "2GiB" }
addresses = ["fd00::/8", "10.20.0.0/16"]
waiver = { by = "lena", reason = "The registry is ours." }

[[network]]
host = "git.example.org"
ports = [22]
mode = "ssh"

[[network]]
host = "vcs.example.org"
ports = [443]

[[network.http]]
preset = "git-fetch"
repository = "/acme/widgets"

[[network.http]]
preset = "git-push"
repository = "/acme/site"
refs = ["refs/heads/contrib/*", "refs/heads/a/**"]
max_body = "50MiB"

[[network.http]]
methods = ["GET"]
path = "/live"
headers = ["x-trace", "accept-version"]
upgrade = true

[[credential]]
name = "registry-read"
kind = "header"
from = "secret:registry-read"
inject = "basic"
user = "reader"
ttl = "15m"

[[credential]]
name = "ci"
audience = "https://ci.example.org"
alg = "RS256"

[limits]
cpu = "2.5"
memory = "8GiB"
processes = 1024
disk = "20GiB"
inodes = 2000000
tmpfs = "512MiB"
open_files = 8192

[[forward]]
port = 3000

[[forward]]
port = 80

[toolchain]
root = "host"
packages = ["gcc", "g++"]

[retention]
record = "2y"
contents = "180d"
workspace = "14d"
)";
}

/// The profile of a text that must parse when nothing of the language is refused.
inline model::Profile parsed_whole(const std::string& source) {
  auto result = parse::parse_profile(source, "p.toml", {});
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().what);
  return result.ok() ? result.take().profile : model::Profile{};
}

/// The errors of a text that must not parse even then.
inline std::string errors_of_whole(const std::string& source) {
  const auto result = parse::parse_profile(source, "p.toml", {});
  return result.ok() ? "(accepted)" : result.error().what;
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
