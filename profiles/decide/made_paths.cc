#include "profiles/decide/made_paths.h"

namespace carrel::decide {

bool MadePaths::add(std::string_view path) {
  if (path.size() < 2 || path[0] != '/') return false;
  if (covers(path)) return true;
  if (paths_.size() >= max_paths_ || path.size() > max_bytes_ - bytes_) {
    overflowed_ = true;
    return false;
  }
  bytes_ += path.size();
  paths_.emplace(path);
  return true;
}

bool MadePaths::covers(std::string_view path) const {
  while (path.size() > 1) {
    if (paths_.find(path) != paths_.end()) return true;
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return false;
    path = path.substr(0, slash);
  }
  return false;
}

}  // namespace carrel::decide
