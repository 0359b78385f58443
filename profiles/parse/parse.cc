#include "profiles/parse/parse.h"

#include "profiles/parse/canonical.h"
#include "profiles/parse/finish.h"
#include "profiles/parse/tables.h"

namespace carrel::parse {

Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name) {
  return parse_profile(source, file_name, not_yet());
}

Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name,
                                    std::span<const NotYet> refused) {
  if (source.size() > kMaxSourceBytes) {
    return Error{to_line(file_name, {{1, 1}, "larger than 1 MiB; a profile is a few KiB"})};
  }
  Problems problems;
  Value root;
  if (!read_toml(source, 0, root, problems)) return problems.to_error(file_name);
  Warnings warnings;
  ParsedProfile parsed;
  parsed.profile = read_tables(root, {problems, refused}, warnings);
  check_together(parsed.profile, false, problems);
  if (problems.empty()) finish(parsed.profile, problems);
  if (!problems.empty()) return problems.to_error(file_name);
  for (const Problem& warning : warnings) {
    if (parsed.warnings.size() < kMaxErrors) parsed.warnings.push_back(to_line(file_name, warning));
  }
  return parsed;
}

}  // namespace carrel::parse
