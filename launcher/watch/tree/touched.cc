#include "launcher/watch/tree/touched.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/wire/manifest/lookup.h"
#include "launcher/watch/tree/beneath.h"
#include "launcher/watch/tree/changes.h"
#include "launcher/watch/tree/walk.h"

namespace carrel::tree {
namespace {

/// A folder of the upper layer that is looked through, and the folders of its path in the tree and
/// in the slice.
struct Level {
  std::string path;
  UniqueFd upper, tree, slice;
  std::vector<std::string> names;  // in the upper layer, sorted; taken from the end
};

class Search {
 public:
  Search(const Layers& layers, manifest::Lookup& known, const Limits& limits)
      : layers_(layers), known_(known), limits_(limits) {}

  std::vector<std::string> run();

 private:
  Result<Level> top();
  void look_at(const std::string& name);
  /// The folder of that name below the last level. An Error where that cannot be done: then it is
  /// to be looked at as a whole, and whoever does that says what is wrong.
  Result<Level> enter(const std::string& name, const std::string& path);
  Result<std::vector<std::string>> names_of(int folder_fd);
  Result<bool> is_accounted_for(const Level& level);
  Result<bool> shows_through(const Level& level, const std::string& name);
  /// False when there are too many names to keep; then everything has to be looked at.
  bool has_room(const std::string& name);

  const Layers& layers_;
  manifest::Lookup& known_;
  const Limits& limits_;
  std::vector<Level> levels_;
  std::vector<std::string> found_;
  uint64_t entries_ = 0;
  uint64_t name_bytes_ = 0;
  bool is_too_much_ = false;
};

Result<UniqueFd> open_path(int folder_fd, const char* name) {
  return open_in(folder_fd, name, O_PATH | O_DIRECTORY);
}

bool holds(const std::vector<std::string>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

Result<bool> is_folder(int folder_fd, const std::string& name) {
  const auto seen = stat_in(folder_fd, name.c_str());
  if (seen.ok()) return S_ISDIR(seen.value().st_mode);
  if (is_gone(seen.error().sys_errno)) return false;
  return seen.error();
}

/// The same file of the slice in both: one that has no other name, so that no other path has its
/// inode.
Result<bool> is_same_file(int tree_fd, int slice_fd, const std::string& path) {
  const Split at = split(path);
  FolderCursor in_tree(tree_fd);
  FolderCursor in_slice(slice_fd);
  ASSIGN_OR_RETURN(const int slice_folder, in_slice.at(at.folder));
  ASSIGN_OR_RETURN(const struct stat original, stat_in(slice_folder, at.name.c_str()));
  const auto tree_folder = in_tree.at(at.folder);
  if (!tree_folder.ok()) return false;
  const auto shown = stat_in(tree_folder.value(), at.name.c_str());
  return shown.ok() && !S_ISDIR(original.st_mode) && original.st_nlink == 1 &&
         shown.value().st_ino == original.st_ino && shown.value().st_mode == original.st_mode;
}

bool Search::has_room(const std::string& name) {
  name_bytes_ += name.size();
  is_too_much_ = is_too_much_ || entries_ > limits_.max_entries || name_bytes_ > kMaxNameBytes;
  return !is_too_much_;
}

Result<std::vector<std::string>> Search::names_of(int folder_fd) {
  ASSIGN_OR_RETURN(const Stream stream, open_folder(folder_fd, "."));
  std::vector<std::string> names;
  for (;;) {
    ASSIGN_OR_RETURN(std::string name, next_name(stream.get()));
    if (name.empty()) break;
    ++entries_;
    if (!has_room(name)) return Error{"the upper layer holds too much"};
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Whether the entry `name` of the slice's folder shows through the tree's, by a file at or below
/// it. Not where there is no such file.
Result<bool> Search::shows_through(const Level& level, const std::string& name) {
  ASSIGN_OR_RETURN(const bool folder, is_folder(level.slice.get(), name));
  if (!folder) return is_same_file(level.tree.get(), level.slice.get(), name);
  const std::string path = level.path + "/" + name;
  ASSIGN_OR_RETURN(const std::optional<manifest::File> below, known_.first_below(path));
  if (!below) return false;
  return is_same_file(level.tree.get(), level.slice.get(),
                      below->path.substr(level.path.size() + 1));
}

/// Whether nothing differs in a folder but what its upper layer names: because what else there is
/// comes from the slice's folder of the same path, or because there is nothing else.
Result<bool> Search::is_accounted_for(const Level& level) {
  bool has_more = false;
  ASSIGN_OR_RETURN(const Stream slice, open_folder(level.slice.get(), "."));
  for (;;) {
    ASSIGN_OR_RETURN(const std::string name, next_name(slice.get()));
    if (name.empty()) break;
    if (holds(level.names, name)) continue;
    has_more = true;
    ASSIGN_OR_RETURN(const bool shown, shows_through(level, name));
    if (shown) return true;
  }
  if (has_more) return false;
  ASSIGN_OR_RETURN(const Stream tree, open_folder(level.tree.get(), "."));
  for (;;) {
    ASSIGN_OR_RETURN(const std::string name, next_name(tree.get()));
    if (name.empty()) return true;
    if (!holds(level.names, name)) return false;
  }
}

Result<Level> Search::enter(const std::string& name, const std::string& path) {
  if (levels_.size() > limits_.max_depth || path.size() > kMaxFolderPath) {
    return Error{"too deep"};
  }
  const Level& above = levels_.back();
  Level level;
  level.path = path;
  ASSIGN_OR_RETURN(level.upper, open_path(above.upper.get(), name.c_str()));
  ASSIGN_OR_RETURN(level.tree, open_path(above.tree.get(), name.c_str()));
  ASSIGN_OR_RETURN(level.slice, open_path(above.slice.get(), name.c_str()));
  ASSIGN_OR_RETURN(level.names, names_of(level.upper.get()));
  ASSIGN_OR_RETURN(const bool accounted_for, is_accounted_for(level));
  if (!accounted_for) return Error{"not the slice's own folder"};
  return level;
}

void Search::look_at(const std::string& name) {
  const Level& level = levels_.back();
  if (level.path.empty() && name == ".git") return;
  std::string path = level.path.empty() ? name : level.path + "/" + name;
  Result<Level> below = enter(name, path);  // an Error as well where it is no folder
  if (below.ok()) {
    levels_.push_back(below.take());
  } else if (has_room(path)) {
    found_.push_back(std::move(path));
  }
}

/// Always the slice's own folder: no rename reaches the top of an overlay.
Result<Level> Search::top() {
  Level level;
  ASSIGN_OR_RETURN(level.upper, open_path(layers_.upper_fd, "."));
  ASSIGN_OR_RETURN(level.tree, open_path(layers_.tree_fd, "."));
  ASSIGN_OR_RETURN(level.slice, open_path(layers_.slice_fd, "."));
  ASSIGN_OR_RETURN(level.names, names_of(level.upper.get()));
  return level;
}

std::vector<std::string> Search::run() {
  Result<Level> first = top();
  if (!first.ok()) return {""};
  levels_.push_back(first.take());
  while (!levels_.empty() && !is_too_much_) {
    if (levels_.back().names.empty()) {
      levels_.pop_back();
      continue;
    }
    const std::string name = std::move(levels_.back().names.back());
    levels_.back().names.pop_back();
    look_at(name);
  }
  if (is_too_much_) return {""};
  std::sort(found_.begin(), found_.end());
  return std::move(found_);
}

/// Finding that many paths one by one is no quicker than reading the manifest.
constexpr size_t kMaxLookups = 1024;

/// Leaves only the files at and below the paths.
void confine(manifest::Manifest& manifest, const std::vector<std::string>& within) {
  std::vector<manifest::File>& all = manifest.files;
  const auto bound = [&all](const std::string& path) {
    return std::lower_bound(
        all.begin(), all.end(), path,
        [](const manifest::File& each, const std::string& wanted) { return each.path < wanted; });
  };
  std::vector<manifest::File> kept;
  for (const std::string& path : within) {
    auto at = bound(path);
    if (at != all.end() && at->path == path) kept.push_back(*at);
    const std::string prefix = path + "/";
    for (at = bound(prefix); at != all.end() && at->path.starts_with(prefix); ++at) {
      kept.push_back(*at);
    }
  }
  all = std::move(kept);
}

Result<Scope> confined(const Layers& layers, int manifest_fd, const Limits& limits) {
  ASSIGN_OR_RETURN(manifest::Lookup known, manifest::Lookup::open(manifest_fd));
  Scope scope;
  scope.within = Search(layers, known, limits).run();
  if (scope.within == std::vector<std::string>{""}) return Error{"everything may differ"};
  if (scope.within.size() > kMaxLookups) {
    ASSIGN_OR_RETURN(scope.manifest, manifest::read_manifest(manifest_fd));
    confine(scope.manifest, scope.within);
  } else {
    scope.manifest = known.head();
    for (const std::string& path : scope.within)
      RETURN_IF_ERROR(known.add_within(path, scope.manifest.files));
  }
  // Found path by path; "a" and "a/b" need not be neighbours ("a.c" comes between).
  std::sort(scope.manifest.files.begin(), scope.manifest.files.end(),
            [](const manifest::File& a, const manifest::File& b) { return a.path < b.path; });
  return scope;
}

}  // namespace

Result<Scope> find_scope(const std::optional<Layers>& layers, int manifest_fd,
                         const Limits& limits) {
  if (layers) {
    Result<Scope> scope = confined(*layers, manifest_fd, limits);
    if (scope.ok()) return scope;
  }
  Scope whole;
  whole.within = {""};
  ASSIGN_OR_RETURN(whole.manifest, manifest::read_manifest(manifest_fd));
  return whole;
}

}  // namespace carrel::tree
