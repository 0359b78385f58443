#include "launcher/watch/tree/compare.h"

#include "launcher/watch/tree/beneath.h"

namespace carrel::tree {
namespace {

class Comparison {
 public:
  Comparison(const Tree& tree, Contents& contents, Changes& changes)
      : tree_(tree), contents_(contents), changes_(changes) {}

  Status look_at_file(FolderCursor& cursor, const manifest::File& file);
  Status look_at_place(FolderCursor& cursor, const manifest::ReadOnlyEntry& entry);
  void look_at_git();

 private:
  /// A manifest file of which nothing can be read any more.
  Status add_without_after(const manifest::File& file, std::string_view change,
                           std::string_view note);

  const Tree& tree_;
  Contents& contents_;
  Changes& changes_;
};

struct Place {
  int folder_fd = -1;
  std::string name;
  struct stat seen {};
};

Result<Place> find(FolderCursor& cursor, std::string_view path) {
  Place place;
  const Split at = split(path);
  ASSIGN_OR_RETURN(place.folder_fd, cursor.at(at.folder));
  ASSIGN_OR_RETURN(place.seen, stat_in(place.folder_fd, at.name.c_str()));
  place.name = at.name;
  return place;
}

/// True when the folder holds no entry.
Result<bool> is_empty_folder(const Place& place) {
  ASSIGN_OR_RETURN(const Stream stream, open_folder(place.folder_fd, place.name.c_str()));
  ASSIGN_OR_RETURN(const std::string first, next_name(stream.get()));
  return first.empty();
}

Status Comparison::add_without_after(const manifest::File& file, std::string_view change,
                                     std::string_view note) {
  events::FileChanged out;
  out.path = file.path;
  out.change = change;
  out.note = note;
  RETURN_IF_ERROR(contents_.keep_before(file, out));
  changes_.add(std::move(out));
  return Done{};
}

Status Comparison::look_at_file(FolderCursor& cursor, const manifest::File& file) {
  const auto found = find(cursor, file.path);
  if (!found.ok()) {
    const int why = found.error().sys_errno;
    return is_gone(why) ? add_without_after(file, "deleted", "")
                        : add_without_after(file, "modified", why_not(why));
  }
  const struct stat& now = found.value().seen;
  // What the folder holds now is new: the walk reports it.
  if (S_ISDIR(now.st_mode)) return add_without_after(file, "deleted", "");

  events::FileChanged change;
  change.path = file.path;
  // Times are not asked: whoever owns a file sets them at will. The same size means reading it.
  const bool same_shape = (git_mode(now.st_mode) & S_IFMT) == (file.mode & S_IFMT) &&
                          static_cast<uint64_t>(now.st_size) == file.size;
  contents_.read_after(found.value().folder_fd, found.value().name, now,
                       same_shape ? Large::kHash : Large::kSizeOnly, change);
  const bool same = same_shape && change.after_sha256 == file.sha256;
  if (same && change.after_mode == file.mode) return Done{};
  change.change = same ? "mode" : "modified";
  if (change.after_bytes > kMaxContent) {
    if (!same) change.after_sha256.clear();  // as of every change this large: only its size
    add_note(change, kLarge);
  }
  RETURN_IF_ERROR(contents_.keep_after(change));
  RETURN_IF_ERROR(contents_.keep_before(file, change));
  changes_.add(std::move(change));
  return Done{};
}

Status Comparison::look_at_place(FolderCursor& cursor, const manifest::ReadOnlyEntry& entry) {
  events::FileChanged change;
  change.path = entry.path;
  change.change = "modified";
  change.before_mode = entry.folder ? kFolderMode : 0100644;
  change.note = kDisplaced;
  const auto found = find(cursor, entry.path);
  if (!found.ok()) {
    if (is_gone(found.error().sys_errno)) {
      change.change = "deleted";
    } else {
      add_note(change, why_not(found.error().sys_errno));
    }
    changes_.add(std::move(change));
    return Done{};
  }
  const struct stat& now = found.value().seen;
  if (!entry.folder && S_ISREG(now.st_mode) && now.st_size == 0) return Done{};
  if (entry.folder && S_ISDIR(now.st_mode)) {
    const auto empty = is_empty_folder(found.value());
    if (empty.ok() && empty.value()) return Done{};
    if (!empty.ok()) add_note(change, why_not(empty.error().sys_errno));
  }
  contents_.read_after(found.value().folder_fd, found.value().name, now, Large::kSizeOnly, change);
  RETURN_IF_ERROR(contents_.keep_after(change));
  changes_.add(std::move(change));
  return Done{};
}

void Comparison::look_at_git() {
  const auto found = stat_in(tree_.tree_fd, ".git");
  if (found.ok() && S_ISDIR(found.value().st_mode)) return;
  events::FileChanged change;
  change.path = ".git";
  change.before_mode = kFolderMode;
  const bool gone = !found.ok() && is_gone(found.error().sys_errno);
  change.change = gone ? "deleted" : "modified";
  if (found.ok()) change.after_mode = git_mode(found.value().st_mode);
  if (!found.ok() && !gone) change.note = why_not(found.error().sys_errno);
  changes_.add(std::move(change));
}

}  // namespace

Status compare_known(const Tree& tree, Contents& contents, Changes& changes) {
  Comparison comparison(tree, contents, changes);
  if (!changes.has_room()) return Done{};
  comparison.look_at_git();
  FolderCursor places(tree.tree_fd);
  for (const manifest::ReadOnlyEntry& entry : tree.manifest->read_only) {
    if (!changes.has_room()) return Done{};
    RETURN_IF_ERROR(comparison.look_at_place(places, entry));
  }
  FolderCursor files(tree.tree_fd);
  for (const manifest::File& file : tree.manifest->files) {
    if (!changes.has_room()) return Done{};
    RETURN_IF_ERROR(comparison.look_at_file(files, file));
  }
  return Done{};
}

}  // namespace carrel::tree
