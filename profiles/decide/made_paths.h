#pragma once
// What the contractor made below a slice root outside the profile's entries: a failed access there
// is an ordinary miss, not an attempt at something hidden.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace carrel::decide {

/// A bounded set of absolute paths; a path covers all that lies below it. Removed files stay in:
/// who made a path may ask for it again. Not thread-safe.
class MadePaths {
 public:
  explicit MadePaths(size_t max_paths = 65536, size_t max_bytes = size_t{8} << 20)
      : max_paths_(max_paths), max_bytes_(max_bytes) {}

  /// Adds an absolute normalised path unless one above it is there. False when a bound is reached:
  /// the path is then not remembered, and a later miss on it may be called denied.
  bool add(std::string_view path);
  /// True when the path or one above it was added.
  [[nodiscard]] bool covers(std::string_view path) const;
  /// True once add() had to leave a path out.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  [[nodiscard]] size_t size() const { return paths_.size(); }

 private:
  size_t max_paths_;
  size_t max_bytes_;
  size_t bytes_ = 0;
  bool overflowed_ = false;
  std::set<std::string, std::less<>> paths_;
};

}  // namespace carrel::decide
