#include "profiles/base/paths.h"

#include <algorithm>

#include "profiles/base/text.h"

namespace carrel {
namespace {

constexpr size_t kMaxBytes = 4096;
constexpr size_t kMaxParts = 128;

Result<std::vector<std::string>> split_relative(std::string_view text) {
  const std::string shown = "path \"" + quoted(text.substr(0, 200)) + "\"";
  if (text.empty()) return Error{"path is empty"};
  if (text.size() > kMaxBytes) return Error{shown + " is longer than 4096 bytes"};
  if (text.find('\0') != std::string_view::npos) return Error{shown + " has a NUL byte"};
  std::vector<std::string> parts;
  while (true) {
    const size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    if (part.empty()) return Error{shown + " has an empty component"};
    if (part == "." || part == "..") {
      return Error{shown + " has a \"" + std::string(part) + "\" component"};
    }
    if (part.size() > 255) return Error{shown + " has a component longer than 255 bytes"};
    parts.emplace_back(part);
    if (parts.size() > kMaxParts) return Error{shown + " has more than 128 components"};
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace

Result<RelPath> RelPath::parse(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<std::string> parts, split_relative(text));
  return RelPath(std::move(parts));
}

std::string RelPath::text() const {
  return join(parts_);
}

bool RelPath::is_at_or_below(const RelPath& other) const {
  return parts_.size() >= other.parts_.size() &&
         std::equal(other.parts_.begin(), other.parts_.end(), parts_.begin());
}

namespace internal {

std::string AbsolutePath::text() const {
  return "/" + join(parts_);
}

Result<std::vector<std::string>> AbsolutePath::split(std::string_view text) {
  if (text.empty() || text[0] != '/') {
    return Error{"path \"" + quoted(text.substr(0, 200)) + "\" is not absolute"};
  }
  if (text == "/") return std::vector<std::string>{};
  return split_relative(text.substr(1));
}

}  // namespace internal

Result<HostPath> HostPath::parse(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<std::string> parts, split(text));
  return HostPath(std::move(parts));
}

Result<SandboxPath> SandboxPath::parse(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<std::string> parts, split(text));
  return SandboxPath(std::move(parts));
}

}  // namespace carrel
