// Names that tell what a path is.

#include <algorithm>
#include <array>

#include "profiles/lint/lint.h"

namespace carrel::lint {
namespace {

enum class Match { kName, kSuffix };

struct Row {
  Match match;
  std::string_view text;  // lower case
  std::string_view why;
};

constexpr std::string_view kSecret = "looks like it holds secrets";
constexpr std::string_view kSigning = "looks like it belongs to signing or deployment";
constexpr std::string_view kBuild = "says what the company's builds run";
constexpr std::string_view kReview = "says who reviews or what git does with files";

constexpr std::array kReads = {
    Row{Match::kName, "secret", kSecret},
    Row{Match::kName, "secrets", kSecret},
    Row{Match::kName, "credentials", kSecret},
    Row{Match::kName, "private", kSecret},
    Row{Match::kName, ".ssh", kSecret},
    Row{Match::kName, ".aws", kSecret},
    Row{Match::kName, ".gnupg", kSecret},
    Row{Match::kName, ".env", kSecret},
    Row{Match::kName, ".netrc", kSecret},
    Row{Match::kName, ".npmrc", kSecret},
    Row{Match::kName, ".pypirc", kSecret},
    Row{Match::kName, "vault", kSecret},
    Row{Match::kName, "id_rsa", kSecret},
    Row{Match::kName, "id_ed25519", kSecret},
    Row{Match::kSuffix, ".pem", kSecret},
    Row{Match::kSuffix, ".key", kSecret},
    Row{Match::kSuffix, ".p12", kSecret},
    Row{Match::kSuffix, ".pfx", kSecret},
    Row{Match::kSuffix, ".jks", kSecret},
    Row{Match::kSuffix, ".kdbx", kSecret},
    Row{Match::kSuffix, ".tfstate", kSecret},
    Row{Match::kName, "keys", kSigning},
    Row{Match::kName, "signing", kSigning},
    Row{Match::kName, "deploy", kSigning},
    Row{Match::kName, "deployment", kSigning},
    Row{Match::kName, "release", kSigning},
    Row{Match::kName, "terraform", kSigning},
    Row{Match::kName, "ansible", kSigning},
    Row{Match::kName, ".github", kBuild},
    Row{Match::kName, ".gitlab", kBuild},
    Row{Match::kName, ".gitlab-ci.yml", kBuild},
    Row{Match::kName, ".circleci", kBuild},
    Row{Match::kName, ".ci", kBuild},
    Row{Match::kName, "ci", kBuild},
    Row{Match::kName, "jenkinsfile", kBuild},
    Row{Match::kName, ".buildkite", kBuild},
    Row{Match::kName, "codeowners", kReview},
};

constexpr std::array kWrites = {
    Row{Match::kName, ".gitattributes", kReview},
    Row{Match::kName, ".gitmodules", kReview},
    Row{Match::kName, "dockerfile", kBuild},
    Row{Match::kName, "makefile", kBuild},
    Row{Match::kName, "cmakelists.txt", kBuild},
    Row{Match::kName, "package.json", kBuild},
    Row{Match::kName, "setup.py", kBuild},
    Row{Match::kName, "pom.xml", kBuild},
    Row{Match::kName, "build.gradle", kBuild},
    Row{Match::kName, ".husky", kBuild},
    Row{Match::kSuffix, ".lock", "says which packages the company's builds take"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

template <size_t N>
std::string_view first_match(std::string_view path, const std::array<Row, N>& rows) {
  const std::string text = lower(path);
  std::string_view rest = text;
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    for (const Row& row : rows) {
      if (row.match == Match::kName ? part == row.text : part.ends_with(row.text)) return row.why;
    }
    if (slash == std::string_view::npos) return "";
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string_view sensitive_read(std::string_view path) {
  return first_match(path, kReads);
}

std::string_view sensitive_write(std::string_view path) {
  const std::string_view why = first_match(path, kWrites);
  return why.empty() ? sensitive_read(path) : why;
}

}  // namespace carrel::lint
