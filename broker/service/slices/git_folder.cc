#include "broker/service/slices/git_folder.h"

#include "broker/service/slices/git_settings.h"

namespace carrel::slices {
namespace {

constexpr std::string_view kConfig =
    "[core]\n"
    "\trepositoryformatversion = 0\n"
    "\tfilemode = true\n"
    "\tbare = false\n"
    "\tlogallrefupdates = true\n"
    "\tsymlinks = true\n";

/// Every entry has the time that its file has, so that the first `git status` reads no file: with
/// checkStat=minimal git compares seconds, size and mode only.
Status write_index(const GitFolder& parts, const std::string& path) {
  git_index* raw = nullptr;
  if (git_index_open(&raw, path.c_str()) < 0) return git_failure("begin the index");
  const Git<git_index> index(raw);
  for (size_t i = 0; i < parts.selection.files.size(); ++i) {
    const SelectedFile& file = parts.selection.files[i];
    git_index_entry entry{};
    entry.mtime.seconds = static_cast<int32_t>(kFileTime);
    entry.mode = file.mode;
    entry.file_size = static_cast<uint32_t>(parts.checkout.sizes[i]);
    entry.id = file.id;
    entry.path = file.path.c_str();
    if (file.read_only) entry.flags_extended = GIT_INDEX_ENTRY_SKIP_WORKTREE;
    if (git_index_add(index.get(), &entry) < 0) return git_failure("put a file into the index");
  }
  if (git_index_write(index.get()) < 0) return git_failure("write the index");
  return Done{};
}

}  // namespace

Result<git_oid> make_commit(const SliceRequest& request, const Source& source, const git_oid& tree,
                            ObjectStore& store) {
  const std::string who =
      "Carrel <slice@carrel.invalid> " + std::to_string(source.time) + " +0000\n";
  const std::string bytes = "tree " + hex_of(tree) + "\nauthor " + who + "committer " + who +
                            "\nSlice of " + request.name + " at " +
                            hex_of(source.commit).substr(0, 12) + "\n";
  return store.add(bytes, GIT_OBJECT_COMMIT);
}

Status write_git_folder(const GitFolder& parts, OutputFolder& tree, const std::string& tree_path) {
  RETURN_IF_ERROR(tree.folder(".git/objects/info"));
  RETURN_IF_ERROR(tree.folder(".git/refs/heads"));
  RETURN_IF_ERROR(tree.folder(".git/refs/tags"));
  RETURN_IF_ERROR(tree.file(".git/HEAD", "ref: refs/heads/" + parts.branch + "\n", 0644));
  // Packed, because a branch may have a name that is no file name.
  RETURN_IF_ERROR(tree.file(".git/packed-refs",
                            "# pack-refs with: peeled fully-peeled sorted \n" +
                                hex_of(parts.commit) + " refs/heads/" + parts.branch + "\n",
                            0644));
  const auto& entries = parts.selection.read_only;
  ASSIGN_OR_RETURN(const std::string config, with_config(kConfig, !entries.empty()));
  RETURN_IF_ERROR(tree.file(".git/config", config, 0644));
  if (!entries.empty()) {
    ASSIGN_OR_RETURN(const std::string sparse, with_sparse_patterns("", entries));
    ASSIGN_OR_RETURN(const std::string exclude, with_exclude_patterns("", entries));
    RETURN_IF_ERROR(tree.file(".git/info/sparse-checkout", sparse, 0644));
    RETURN_IF_ERROR(tree.file(".git/info/exclude", exclude, 0644));
  }
  RETURN_IF_ERROR(write_index(parts, tree_path + "/.git/index"));
  return tree.set_time(".git/index", kIndexTime);
}

}  // namespace carrel::slices
