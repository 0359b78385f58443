#pragma once
// What of a repository a profile exposes: `read`, `write` and `never` as one tree of components,
// which a walk over a commit follows step by step. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/paths.h"

namespace carrel::slices {

enum class Exposure : uint8_t {
  kHidden,    // not in the slice, and neither is anything below
  kParent,    // a folder on the way to an entry: only some of what is below is in the slice
  kReadOnly,  // at or below an entry that is bound over the tree read-only
  kWritable,  // an ordinary file of the contractor's private copy (see Rules)
};

/// The nearest entry at or above a path decides, but a `never` at or above it always wins. A path
/// in both `read` and `write` is written. A `read` entry with a writable entry below it cannot be
/// bound read-only (the bind would cover the writable one): its files are ordinary files of the
/// private copy, kWritable.
class Rules {
 private:
  enum class State : uint8_t { kNone, kBound, kOrdinary, kNever };
  struct Node {
    std::string name;
    std::optional<RelPath> path;     // of the entry that ends here
    State entry = State::kNone;      // its kind
    bool exposes = false;            // an entry that exposes something ends here or below
    std::optional<size_t> required;  // index into required_
    std::vector<Node> below;         // sorted by name
  };

 public:
  Rules(const std::vector<RelPath>& read, const std::vector<RelPath>& write,
        const std::vector<RelPath>& never);

  /// A place in a tree, reached from the root by names. Valid as long as the Rules.
  class Cursor {
   public:
    [[nodiscard]] Cursor child(std::string_view name) const;
    [[nodiscard]] Exposure exposure() const;
    /// An entry that would be bound ends here: everything below belongs to it.
    [[nodiscard]] bool starts_binding() const { return starts_binding_; }
    /// The entry of required() that ends here.
    [[nodiscard]] std::optional<size_t> required() const;

   private:
    friend class Rules;
    const Node* node_ = nullptr;  // null: no entry ends here or below
    State state_ = State::kNone;
    bool starts_binding_ = false;
  };

  [[nodiscard]] Cursor root() const;
  [[nodiscard]] Exposure exposure_of(const RelPath& path) const;
  /// The `read` and `write` entries that no `never` hides: each must be in the commit.
  [[nodiscard]] const std::vector<RelPath>& required() const { return required_; }

 private:
  void add(const RelPath& path, State kind);
  bool settle(Node& node, bool hidden);

  Node root_;
  std::vector<RelPath> required_;
};

/// A name that git or another file system would take for ".git": any case, trailing dots or blanks,
/// a stream, or the short form "git~1".
bool is_git_folder_name(std::string_view name);

}  // namespace carrel::slices
