#include "profiles/parse/parse.h"

#include "profiles/parse/resolve.h"

namespace carrel::parse {

Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name) {
  return parse_profile(source, file_name, not_yet());
}

Result<ParsedProfile> parse_profile(std::string_view source, std::string_view file_name,
                                    std::span<const NotYet> refused) {
  const Lookup none = [](std::string_view) -> Result<std::string> {
    return Error{"only the profile itself is at hand"};
  };
  ASSIGN_OR_RETURN(ResolvedProfile resolved, resolve(source, file_name, none, refused));
  return ParsedProfile{std::move(resolved.profile), std::move(resolved.warnings)};
}

}  // namespace carrel::parse
