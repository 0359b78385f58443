#pragma once
// The directory dictionary and lexical joining: from (id, name) to an absolute path.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace carrel::sensor {

/// `name` seen from `base` (absolute, normal): "." and ".." and repeated slashes folded, ".." at
/// the root stays there. An absolute name ignores the base.
std::string join(std::string_view base, std::string_view name);

/// A `dir` record's components (leaf first, each followed by a NUL) as an absolute path. Nothing
/// when the bytes are not of that form.
std::optional<std::string> path_of_components(std::string_view components);

/// Ids and their paths. Bounded: of ids that have not been used for long (kLimit others since) the
/// path is forgotten.
class Dictionary {
 public:
  static constexpr size_t kLimit = 131072;           // ids in one of two generations
  static constexpr size_t kByteLimit = 128UL << 20;  // bytes of their paths

  struct Place {
    std::string path;   // absolute, or "?/…" below a place that is not under the root
    bool known = true;  // false: outside the root, truncated, or no such id
  };
  void define(uint32_t id, Place place);
  /// The path of `name` in directory `id`.
  Place resolve(uint32_t id, std::string_view name);

 private:
  const Place* find(uint32_t id);
  std::unordered_map<uint32_t, Place> recent_, older_;
  size_t recent_bytes_ = 0;
};

}  // namespace carrel::sensor
