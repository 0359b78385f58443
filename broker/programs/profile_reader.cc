#include "broker/programs/profile_reader.h"

#include "profiles/decide/rules.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/parse.h"

namespace carrel::programs {

Result<monitor::ReadProfile> read_profile(std::string_view source, std::string_view path) {
  ASSIGN_OR_RETURN(parse::ParsedProfile parsed, parse::parse_profile(source, path));
  monitor::ReadProfile read;
  read.canonical = parse::to_canonical(parsed.profile);
  for (const decide::DecideRule& rule : decide::rules_of(parsed.profile)) {
    if (rule.line > 0) read.rule_lines.emplace_back(rule.id, static_cast<uint32_t>(rule.line));
  }
  read.profile = std::move(parsed.profile);
  return read;
}

}  // namespace carrel::programs
