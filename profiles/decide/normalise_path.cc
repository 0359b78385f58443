#include "profiles/decide/normalise_path.h"

namespace carrel::decide {
namespace {

/// Appends the components of a path to an absolute one that has no trailing slash ("" is the root).
void walk(std::string& out, std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      const size_t last = out.rfind('/');
      out.resize(last == std::string::npos ? 0 : last);
      continue;
    }
    out += '/';
    out += part;
  }
}

}  // namespace

std::string normalise_path(std::string_view cwd, std::string_view path) {
  std::string out;
  if (!path.starts_with('/')) walk(out, cwd);
  walk(out, path);
  return out.empty() ? "/" : out;
}

}  // namespace carrel::decide
