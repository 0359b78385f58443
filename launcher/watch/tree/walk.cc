#include "launcher/watch/tree/walk.h"

#include <algorithm>

#include "launcher/watch/tree/beneath.h"

namespace carrel::tree {
namespace {

/// The first entry of a list sorted by path that does not come before `path`.
template <typename T>
auto lower_bound(const std::vector<T>& sorted, std::string_view path) {
  return std::lower_bound(sorted.begin(), sorted.end(), path,
                          [](const T& entry, std::string_view p) { return entry.path < p; });
}

template <typename T>
bool names(const std::vector<T>& sorted, std::string_view path) {
  const auto at = lower_bound(sorted, path);
  return at != sorted.end() && at->path == path;
}

class Walk {
 public:
  Walk(const Tree& tree, const Limits& limits, Contents& contents, Changes& changes)
      : tree_(tree), limits_(limits), contents_(contents), changes_(changes) {}

  Status run();

 private:
  struct Folder {
    Stream stream;
    std::string path;
    bool displaced = false;  // at or below the place of a read-only entry
  };
  /// Where a name is looked at.
  struct Place {
    int folder_fd = -1;
    std::string path;        // of the name
    bool displaced = false;  // its folder is at or below the place of a read-only entry
  };

  /// Begins at the top of the tree.
  Status begin_at_top();
  /// Begins at a path below it.
  Status begin_at(FolderCursor& cursor, const std::string& path);
  Status walk_on();
  Status look_at(const std::string& name, Place place);
  void enter(const std::string& name, Place place);
  Status add_file(const std::string& name, const Result<struct stat>& seen, Place place);
  [[nodiscard]] bool is_in_entry(std::string_view folder) const;
  /// Folders from the tree's own, which is the first, to the one that is looked at.
  [[nodiscard]] size_t depth() const { return above_ + folders_.size(); }
  /// A folder that is not looked into.
  void add_unseen(std::string path, bool displaced, std::string_view note);
  /// Counts one more entry; the walk ends where there are too many.
  bool is_too_many();

  const Tree& tree_;
  const Limits& limits_;
  Contents& contents_;
  Changes& changes_;
  std::vector<Folder> folders_;  // from where the walk began to where it is
  size_t above_ = 0;             // folders above where it began
  uint64_t entries_ = 0;
  bool is_over_ = false;
};

Status Walk::run() {
  FolderCursor cursor(tree_.tree_fd);
  for (const std::string& path : tree_.within) {
    if (is_over_ || !changes_.has_room()) return Done{};
    RETURN_IF_ERROR(path.empty() ? begin_at_top() : begin_at(cursor, path));
    RETURN_IF_ERROR(walk_on());
  }
  return Done{};
}

Status Walk::begin_at_top() {
  ASSIGN_OR_RETURN(Stream root, open_folder(tree_.tree_fd, "."));
  above_ = 0;
  folders_.push_back({std::move(root), "", false});
  return Done{};
}

Status Walk::begin_at(FolderCursor& cursor, const std::string& path) {
  const Split at = split(path);
  above_ = 1 + static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
  const bool displaced = is_in_entry(at.folder);
  const auto folder = cursor.at(at.folder);
  if (!folder.ok()) {
    const int why = folder.error().sys_errno;
    if (!is_gone(why)) add_unseen(path, displaced, why_not(why));
    return Done{};
  }
  const auto seen = stat_in(folder.value(), at.name.c_str());
  if (!seen.ok() && is_gone(seen.error().sys_errno)) return Done{};  // deleted: compared already
  return look_at(at.name, {folder.value(), path, displaced});
}

Status Walk::walk_on() {
  while (!folders_.empty()) {
    const Folder& folder = folders_.back();
    const auto next = next_name(folder.stream.get());
    if (!next.ok() && depth() == 1) return next.error();
    if (!next.ok()) add_unseen(folder.path, folder.displaced, "not readable");
    if (!next.ok() || next.value().empty()) {
      folders_.pop_back();
      continue;
    }
    const std::string& name = next.value();
    if (folder.path.empty() && name == ".git") continue;
    if (!changes_.has_room()) {
      folders_.clear();
      return Done{};
    }
    std::string path = folder.path.empty() ? name : folder.path + "/" + name;
    RETURN_IF_ERROR(look_at(name, {dirfd(folder.stream.get()), std::move(path), folder.displaced}));
  }
  return Done{};
}

bool Walk::is_in_entry(std::string_view folder) const {
  while (!folder.empty()) {
    if (names(tree_.manifest->read_only, folder)) return true;
    const size_t slash = folder.rfind('/');
    folder = folder.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return false;
}

Status Walk::look_at(const std::string& name, Place place) {
  const bool is_place = names(tree_.manifest->read_only, place.path);
  const auto seen = stat_in(place.folder_fd, name.c_str());
  const bool is_folder = seen.ok() && S_ISDIR(seen.value().st_mode);
  // What the manifest names has been compared already; only what is in a folder there is new.
  const bool is_known = is_place || names(tree_.manifest->files, place.path);
  if (is_known && !is_folder) return Done{};
  if (is_too_many()) return Done{};
  if (!is_folder) return add_file(name, seen, std::move(place));
  place.displaced = place.displaced || is_place;
  enter(name, std::move(place));
  return Done{};
}

bool Walk::is_too_many() {
  if (++entries_ <= limits_.max_entries) return false;
  // Where a folder is listed in which order is the file system's affair: all that is certain is
  // that the tree was not seen to its end.
  add_unseen("", false,
             "not looked at: more than " + std::to_string(limits_.max_entries) + " files");
  folders_.clear();
  is_over_ = true;
  return true;
}

void Walk::enter(const std::string& name, Place place) {
  if (depth() > limits_.max_depth) {
    return add_unseen(std::move(place.path), place.displaced, "not looked at: too deep");
  }
  if (place.path.size() > kMaxFolderPath) {
    return add_unseen(std::move(place.path), place.displaced, "not looked at: path too long");
  }
  auto stream = open_folder(place.folder_fd, name.c_str());
  if (!stream.ok()) {
    const std::string_view why = why_not(stream.error().sys_errno);
    return add_unseen(std::move(place.path), place.displaced, why);
  }
  folders_.push_back({stream.take(), std::move(place.path), place.displaced});
}

Status Walk::add_file(const std::string& name, const Result<struct stat>& seen, Place place) {
  events::FileChanged change;
  change.path = std::move(place.path);
  change.change = "added";
  if (place.displaced) change.note = kDisplaced;
  if (seen.ok()) {
    contents_.read_after(place.folder_fd, name, seen.value(), Large::kSizeOnly, change);
  } else {
    add_note(change, why_not(seen.error().sys_errno));
  }
  RETURN_IF_ERROR(contents_.keep_after(change));
  changes_.add(std::move(change));
  return Done{};
}

void Walk::add_unseen(std::string path, bool displaced, std::string_view note) {
  events::FileChanged change;
  const auto below = lower_bound(tree_.manifest->files, path + "/");
  const bool was_there =
      path.empty() || (below != tree_.manifest->files.end() && below->path.starts_with(path + "/"));
  change.path = std::move(path);
  change.change = was_there ? "modified" : "added";
  change.before_mode = was_there ? kFolderMode : 0;
  change.after_mode = kFolderMode;
  if (displaced) change.note = kDisplaced;
  add_note(change, note);
  changes_.add(std::move(change));
}

}  // namespace

Status walk_added(const Tree& tree, const Limits& limits, Contents& contents, Changes& changes) {
  return Walk(tree, limits, contents, changes).run();
}

}  // namespace carrel::tree
