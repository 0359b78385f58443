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

  Status look_at(const std::string& name);
  void enter(const std::string& name, std::string path, bool displaced);
  Status add_file(const std::string& name, const Result<struct stat>& seen, std::string path);
  /// A folder that is not looked into.
  void add_unseen(std::string path, bool displaced, std::string_view note);
  /// Counts one more entry; the walk ends where there are too many.
  bool is_too_many();

  const Tree& tree_;
  const Limits& limits_;
  Contents& contents_;
  Changes& changes_;
  std::vector<Folder> folders_;  // from the root to where the walk is
  uint64_t entries_ = 0;
};

Status Walk::run() {
  ASSIGN_OR_RETURN(Stream root, open_folder(tree_.tree_fd, "."));
  folders_.push_back({std::move(root), "", false});
  while (!folders_.empty()) {
    const auto next = next_name(folders_.back().stream.get());
    if (!next.ok() && folders_.size() == 1) return next.error();
    if (!next.ok()) add_unseen(folders_.back().path, folders_.back().displaced, "not readable");
    if (!next.ok() || next.value().empty()) {
      folders_.pop_back();
      continue;
    }
    const std::string& name = next.value();
    if (folders_.size() == 1 && name == ".git") continue;
    if (!changes_.has_room()) return Done{};
    RETURN_IF_ERROR(look_at(name));
  }
  return Done{};
}

Status Walk::look_at(const std::string& name) {
  const Folder& folder = folders_.back();
  std::string path = folder.path.empty() ? name : folder.path + "/" + name;
  const bool is_place = names(tree_.manifest->read_only, path);
  const auto seen = stat_in(dirfd(folder.stream.get()), name.c_str());
  const bool is_folder = seen.ok() && S_ISDIR(seen.value().st_mode);
  // What the manifest names has been compared already; only what is in a folder there is new.
  const bool is_known = is_place || names(tree_.manifest->files, path);
  if (is_known && !is_folder) return Done{};
  if (is_too_many()) return Done{};
  if (!is_folder) return add_file(name, seen, std::move(path));
  enter(name, std::move(path), folder.displaced || is_place);
  return Done{};
}

bool Walk::is_too_many() {
  if (++entries_ <= limits_.max_entries) return false;
  // Where a folder is listed in which order is the file system's affair: all that is certain is
  // that the tree was not seen to its end.
  add_unseen("", false,
             "not looked at: more than " + std::to_string(limits_.max_entries) + " files");
  folders_.clear();
  return true;
}

void Walk::enter(const std::string& name, std::string path, bool displaced) {
  if (folders_.size() > limits_.max_depth) {
    return add_unseen(std::move(path), displaced, "not looked at: too deep");
  }
  if (path.size() > kMaxFolderPath) {
    return add_unseen(std::move(path), displaced, "not looked at: path too long");
  }
  auto stream = open_folder(dirfd(folders_.back().stream.get()), name.c_str());
  if (!stream.ok()) {
    return add_unseen(std::move(path), displaced, why_not(stream.error().sys_errno));
  }
  folders_.push_back({stream.take(), std::move(path), displaced});
}

Status Walk::add_file(const std::string& name, const Result<struct stat>& seen, std::string path) {
  events::FileChanged change;
  change.path = std::move(path);
  change.change = "added";
  if (folders_.back().displaced) change.note = kDisplaced;
  if (seen.ok()) {
    contents_.read_after(dirfd(folders_.back().stream.get()), name, seen.value(), Large::kSizeOnly,
                         change);
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
