#include "broker/service/slices/patterns.h"

#include "profiles/base/text.h"

namespace carrel::slices {

Result<std::string> entry_pattern(const manifest::ReadOnlyEntry& entry) {
  if (entry.path.find_first_of("\r\n") != std::string::npos) {
    return Error{"the read entry \"" + quoted(entry.path.substr(0, 200)) +
                 "\" has a line end in its name, which git's pattern files cannot spell; rename it "
                 "or leave it out"};
  }
  std::string out = "/";
  const size_t last_solid = entry.path.find_last_not_of(' ');
  for (size_t i = 0; i < entry.path.size(); ++i) {
    const char c = entry.path[i];
    // git strips blanks at the end of a line. Elsewhere they stand for themselves, and so do ! and
    // # behind the leading slash.
    const bool trailing = c == ' ' && (last_solid == std::string::npos || i > last_solid);
    if (trailing || std::string_view("\\*?[").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  if (entry.folder) out += '/';
  return out;
}

}  // namespace carrel::slices
