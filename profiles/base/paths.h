#pragma once
// Paths as lists of components. HostPath and SandboxPath are different types with no conversion:
// only launcher/box/plan pairs them. A component is never empty, ".", ".." and holds no slash and
// no NUL.

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel {

/// A relative path inside a repository (entries of a profile). Never empty.
class RelPath {
 public:
  /// Text with single slashes, no leading or trailing slash, at most 4,096 bytes and 128
  /// components.
  static Result<RelPath> parse(std::string_view text);
  [[nodiscard]] const std::vector<std::string>& parts() const { return parts_; }
  [[nodiscard]] std::string text() const;
  /// True when this is `other` or lies below it.
  [[nodiscard]] bool is_at_or_below(const RelPath& other) const;
  bool operator==(const RelPath&) const = default;
  auto operator<=>(const RelPath&) const = default;

 private:
  explicit RelPath(std::vector<std::string> parts) : parts_(std::move(parts)) {}
  std::vector<std::string> parts_;
};

namespace internal {
/// An absolute path as components; "/" has none.
class AbsolutePath {
 public:
  [[nodiscard]] const std::vector<std::string>& parts() const { return parts_; }
  [[nodiscard]] std::string text() const;
  bool operator==(const AbsolutePath&) const = default;
  auto operator<=>(const AbsolutePath&) const = default;

 protected:
  explicit AbsolutePath(std::vector<std::string> parts) : parts_(std::move(parts)) {}
  static Result<std::vector<std::string>> split(std::string_view text);
  std::vector<std::string> parts_;
};
}  // namespace internal

/// An absolute path on the host.
class HostPath : public internal::AbsolutePath {
 public:
  static Result<HostPath> parse(std::string_view text);

 private:
  using AbsolutePath::AbsolutePath;
};

/// An absolute path as the contractor sees it.
class SandboxPath : public internal::AbsolutePath {
 public:
  static Result<SandboxPath> parse(std::string_view text);
  /// "/".
  static SandboxPath root() { return SandboxPath(std::vector<std::string>{}); }

 private:
  using AbsolutePath::AbsolutePath;
};

}  // namespace carrel
