#include "broker/service/slices/slice.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "broker/service/slices/git_folder.h"
#include "broker/service/slices/patterns.h"
#include "broker/wire/manifest/manifest.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::slices {
namespace {

Result<UniqueFd> open_output(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open the output folder");
  DIR* listing = fdopendir(fcntl(folder.get(), F_DUPFD_CLOEXEC, 0));
  if (listing == nullptr) return errno_error("list the output folder");
  size_t names = 0;
  while (readdir(listing) != nullptr) {  // NOLINT(concurrency-mt-unsafe): own stream
    ++names;
  }
  (void)closedir(listing);
  if (names > 2) return Error{"the output folder is not empty; give an empty one"};
  return folder;
}

/// Begins the slice's pack with what is not a file: the commit and the trees.
Result<PackWriter> begin_pack(const Selection& selection, const git_oid& commit,
                              const ObjectStore& store, const std::string& folder) {
  std::vector<git_oid> ids = selection.trees;
  ids.push_back(commit);
  for (const SelectedFile& file : selection.files)
    ids.push_back(file.id);
  ASSIGN_OR_RETURN(PackWriter pack, PackWriter::create(folder, ids));
  ASSIGN_OR_RETURN(const auto commit_bytes, store.read(commit, GIT_OBJECT_COMMIT, SIZE_MAX));
  RETURN_IF_ERROR(pack.add(commit, GIT_OBJECT_COMMIT, bytes_of(commit_bytes.get())));
  for (const git_oid& id : selection.trees) {
    ASSIGN_OR_RETURN(const auto tree, store.read(id, GIT_OBJECT_TREE, SIZE_MAX));
    RETURN_IF_ERROR(pack.add(id, GIT_OBJECT_TREE, bytes_of(tree.get())));
  }
  return pack;
}

/// Gives the pack's files and every folder of the tree their time.
Status settle(const std::string& packs, OutputFolder& tree) {
  DIR* listing = opendir(packs.c_str());
  if (listing == nullptr) return errno_error("list the packs");
  Status done = Done{};
  while (const dirent* entry = readdir(listing)) {  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry->d_name[0] == '.' || !done.ok()) continue;
    done = tree.set_time(std::string(".git/objects/pack/") + entry->d_name, kFileTime);
  }
  (void)closedir(listing);
  return done.ok() ? tree.settle() : done;
}

/// The last thing that is written: where it is whole, so is the slice.
Status write_manifest(const manifest::Manifest& manifest, int output_fd) {
  const std::string bytes = manifest::format_manifest(manifest);
  if (bytes.size() > manifest::kMaxManifestBytes) {
    return Error{"the slice's manifest is larger than 256 MiB; expose fewer folders"};
  }
  const UniqueFd file(openat(output_fd, "manifest.new",
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.valid()) return errno_error("make the manifest");
  RETURN_IF_ERROR(write_all(file.get(), bytes, "write the manifest"));
  if (fsync(file.get()) != 0) return errno_error("sync the manifest");
  if (renameat(output_fd, "manifest.new", output_fd, "manifest") != 0) {
    return errno_error("name the manifest");
  }
  if (fsync(output_fd) != 0) return errno_error("sync the output folder");
  return Done{};
}

}  // namespace

Result<std::string> resolve(const SliceRequest& request, Fault& fault) {
  fault = Fault::kOther;
  ASSIGN_OR_RETURN(const Library library, Library::start());
  ASSIGN_OR_RETURN(const Source source, open_source(request, fault));
  return hex_of(source.commit);
}

Status make_slice(const SliceRequest& request, Fault& fault) {
  fault = Fault::kOther;
  ASSIGN_OR_RETURN(const Library library, Library::start());
  ASSIGN_OR_RETURN(const UniqueFd output, open_output(request.output));
  ASSIGN_OR_RETURN(const Source source, open_source(request, fault));
  ASSIGN_OR_RETURN(ObjectStore store, ObjectStore::open(source.objects));
  ASSIGN_OR_RETURN(const Selection selection, select(request, source, store, fault));
  for (const manifest::ReadOnlyEntry& entry : selection.read_only) {
    if (auto pattern = entry_pattern(entry); !pattern.ok()) {
      fault = Fault::kProfile;
      return pattern.take_error();
    }
  }
  ASSIGN_OR_RETURN(const git_oid commit, make_commit(request, source, selection.tree, store));
  ASSIGN_OR_RETURN(OutputFolder tree, OutputFolder::make(output.get(), "tree", "tree"));
  RETURN_IF_ERROR(tree.folder(".git/objects/pack"));
  const std::string tree_path = request.output + "/tree";
  ASSIGN_OR_RETURN(PackWriter pack,
                   begin_pack(selection, commit, store, tree_path + "/.git/objects/pack"));
  ASSIGN_OR_RETURN(Checkout checkout, write_files(selection, store, output.get(), tree, pack));
  RETURN_IF_ERROR(pack.finish());
  RETURN_IF_ERROR(write_git_folder({selection, checkout, commit, source.branch}, tree, tree_path));
  RETURN_IF_ERROR(settle(tree_path + "/.git/objects/pack", tree));
  return write_manifest(
      {hex_of(commit), hex_of(source.commit), selection.read_only, std::move(checkout.listed)},
      output.get());
}

}  // namespace carrel::slices
