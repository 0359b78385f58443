#include "launcher/cli/profile/verbs.h"

#include <algorithm>

#include "launcher/cli/profile/read.h"
#include "profiles/base/text.h"
#include "profiles/expect/expect.h"
#include "profiles/explain/difference.h"
#include "profiles/explain/explain.h"
#include "profiles/lint/lint.h"
#include "profiles/parse/canonical.h"
#include "profiles/schema/schema.h"

namespace carrel::profile {
namespace {

std::string digest_of(const model::Profile& profile, const Hooks& hooks) {
  return hooks.sha256_hex ? "sha256:" + hooks.sha256_hex(parse::to_canonical(profile)) : "";
}

bool is_supported(std::string_view key) {
  const auto rows = parse::not_yet();
  return std::none_of(rows.begin(), rows.end(), [key](const parse::NotYet& row) {
    return row.value.empty() && (key == row.key || key.starts_with(std::string(row.key) + "."));
  });
}

}  // namespace

int check(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err) {
  int code = kOk;
  const auto read = read_profile(path, hooks, err, code);
  if (!read) return code;
  const model::Profile& profile = read->profile;
  print(out, "ok: " + profile.name + " version " + std::to_string(profile.version) + ": " +
                 quoted(profile.summary) + "\n");
  if (hooks.sha256_hex) print(out, "digest: " + digest_of(profile, hooks) + "\n");
  return kOk;
}

int explain_file(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err) {
  int code = kOk;
  const auto read = read_profile(path, hooks, err, code);
  if (!read) return code;
  print(out, explain::explain(read->profile));
  if (hooks.plan_text) print(out, "\n" + hooks.plan_text(read->profile));
  return kOk;
}

int lint_file(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err) {
  int code = kOk;
  const auto read = read_profile(path, hooks, err, code);
  if (!read) return code;
  size_t graver = 0;
  const std::vector<lint::Finding> findings = lint::lint(read->profile, is_supported);
  for (const lint::Finding& finding : findings) {
    if (finding.grade != lint::Grade::kNote) ++graver;
    const auto file = static_cast<size_t>(finding.where.file);
    std::string place = quoted(read->files.at(file));
    if (finding.where.line > 0) {
      place +=
          ":" + std::to_string(finding.where.line) + ":" + std::to_string(finding.where.column);
    }
    print(out, place + ": " + std::string(lint::word_of(finding.grade)) + ": " + finding.words +
                   " [" + quoted(finding.rule) + "]\n");
  }
  print(out, quoted(path) + ": " + std::to_string(findings.size()) +
                 (findings.size() == 1 ? " finding, " : " findings, ") + std::to_string(graver) +
                 " graver than a note\n");
  return graver == 0 ? kOk : kInvalid;
}

int diff(const std::string& before, const std::string& after, const Hooks& hooks, std::FILE* out,
         std::FILE* err) {
  int code = kOk;
  const auto first = read_profile(before, hooks, err, code);
  if (!first) return code;
  const auto second = read_profile(after, hooks, err, code);
  if (!second) return code;
  const auto head = [&](const std::string& path, const model::Profile& profile) {
    return quoted(path) + ": " + profile.name + " version " + std::to_string(profile.version) +
           (hooks.sha256_hex ? ", " + digest_of(profile, hooks) : "") + "\n";
  };
  print(out, "- " + head(before, first->profile) + "+ " + head(after, second->profile));
  const std::string words = explain::difference(first->profile, second->profile);
  print(out, words.empty() ? "Both allow the same.\n" : words);
  return kOk;
}

int test(const std::string& path, const std::string& expectations, const Hooks& hooks,
         std::FILE* out, std::FILE* err) {
  int code = kOk;
  const auto read = read_profile(path, hooks, err, code);
  if (!read) return code;
  const auto source = read_file(expectations, err, code);
  if (!source) return code;
  const auto cases = expect::parse_cases(*source, expectations);
  if (!cases.ok()) {
    print(err, cases.error().what + "\n");
    return kInvalid;
  }
  size_t failed = 0;
  for (const expect::Case& one : cases.value()) {
    const std::string complaint = expect::check(read->profile, one, expectations);
    if (complaint.empty()) continue;
    ++failed;
    print(out, complaint + "\n");
  }
  print(out, quoted(path) + ": " + std::to_string(cases.value().size() - failed) + " of " +
                 std::to_string(cases.value().size()) + " cases hold\n");
  return failed == 0 ? kOk : kInvalid;
}

int begin(const std::string& name, std::FILE* out, std::FILE* err) {
  if (const auto complaint = parse::check_name(name)) {
    print(err, "carrel profile new: NAME " + *complaint + "\n");
    return kInvalid;
  }
  print(out, "profile = \"" + name + R"("
version = 1 # count it up with every change
summary = "TODO: what the task may do, in one line."
extends = ["base/contractor"]

[purpose]
statement = "TODO: why the access is given, like a ticket."

[session]
max_duration = "8h"

[[repository]]
name = "TODO" # the folder below /workspaces
source = "TODO" # the repository on this host; absolute, or relative to this file
ref = "main"
read = ["TODO"] # what one reads to find one's way; all else is not there
write = ["TODO"] # what the task is about; it implies read
)");
  return kOk;
}

int schema(std::FILE* out) {
  print(out, carrel::schema::json_schema());
  return kOk;
}

}  // namespace carrel::profile
