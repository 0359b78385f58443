#include "broker/programs/profile_reader.h"

#include "profiles/decide/rules.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/resolve.h"

namespace carrel::programs {

Result<monitor::ReadProfile> read_profile(std::string_view source, std::string_view path,
                                          const monitor::ExtendedSources& extended) {
  std::vector<parse::UsedSource> parents;
  for (const protocol::ExtendedSource& one : extended)
    parents.push_back({one.name(), one.source()});
  ASSIGN_OR_RETURN(parse::ResolvedProfile resolved,
                   parse::resolve(source, path, parse::lookup_in(parents)));
  if (resolved.parents.size() != parents.size()) {
    return Error{"profile: sources were sent that it does not extend"};
  }
  monitor::ReadProfile read;
  read.canonical = parse::to_canonical(resolved.profile);
  for (const decide::DecideRule& rule : decide::rules_of(resolved.profile)) {
    if (rule.where.line <= 0) continue;
    const auto file = static_cast<size_t>(rule.where.file);
    read.rule_lines.push_back({rule.id, static_cast<uint32_t>(rule.where.line),
                               file == 0 ? "" : resolved.files.at(file)});
  }
  if (const auto& agreement = resolved.profile.purpose.agreement) {
    read.agreement = monitor::AgreementTerms{agreement->file, agreement->version};
  }
  if (resolved.profile.retention.workspace_s != 0) {
    read.workspace_kept_s = resolved.profile.retention.workspace_s;
  }
  read.profile = std::move(resolved.profile);
  return read;
}

}  // namespace carrel::programs
