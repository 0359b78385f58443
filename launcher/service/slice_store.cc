#include "launcher/service/slice_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "broker/wire/manifest/slice_key.h"
#include "launcher/service/workspace.h"
#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::service {
namespace {

constexpr const char* kUnfinished = "new-";

std::string prefix_of(const model::Repository& repository) {
  return exposure_of(repository).substr(0, 16) + "-";
}

std::vector<std::string> texts(const std::vector<model::PathEntry>& entries) {
  std::vector<std::string> out;
  for (const model::PathEntry& entry : entries)
    out.push_back(entry.path.text());
  return out;
}

}  // namespace

Result<std::string> slice_name(const model::Repository& repository, int repository_fd,
                               const std::string& commit) {
  struct stat what {};
  if (fstat(repository_fd, &what) != 0) return errno_error("fstat the repository");
  manifest::SliceIdentity identity;
  identity.origin = std::to_string(what.st_dev) + ":" + std::to_string(what.st_ino);
  identity.commit = commit;
  identity.name = repository.name;
  identity.ref = repository.ref;
  identity.history = model::word_of(model::kHistoryWords, repository.history);
  identity.enforce = "bind";
  identity.read = texts(repository.read);
  identity.write = texts(repository.write);
  identity.never = texts(repository.never);
  return prefix_of(repository) + manifest::slice_key(identity);
}

Result<bool> may_have_slice(int slices_fd, const model::Repository& repository) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in_folder(slices_fd));
  const std::string prefix = prefix_of(repository);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return name.starts_with(prefix); });
}

Result<UniqueFd> begin_slice(int slices_fd, const std::string& maker) {
  return make_workspace_folder(slices_fd, kUnfinished + maker, FolderOwner::kWorkspace);
}

void drop_slice(int slices_fd, const std::string& maker) {
  // What stays is cleared at the launcher's next start.
  (void)remove_tree(slices_fd, kUnfinished + maker).ok();
}

Result<SlicedRepository> open_slice(int slices_fd, const std::string& key,
                                    const std::string& repository) {
  ASSIGN_OR_RETURN(UniqueFd folder, open_beneath(slices_fd, key, O_PATH | O_DIRECTORY));
  return open_sliced(repository, std::move(folder));
}

Result<SlicedRepository> finish_slice(int slices_fd, const std::string& maker,
                                      const std::string& key, const std::string& repository) {
  const std::string made = kUnfinished + maker;
  // Nobody compares its files with anything again: a power cut must not leave them empty.
  ASSIGN_OR_RETURN(const UniqueFd folder, open_beneath(slices_fd, made, O_RDONLY | O_DIRECTORY));
  if (syncfs(folder.get()) != 0) return errno_error("sync the slice of " + quoted(repository));
  if (renameat2(slices_fd, made.c_str(), slices_fd, key.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EEXIST) return errno_error("name the slice of " + quoted(repository));
    RETURN_IF_ERROR(remove_tree(slices_fd, made));
  }
  return open_slice(slices_fd, key, repository);
}

Status clear_unfinished(int slices_fd) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, names_in_folder(slices_fd));
  for (const std::string& name : names) {
    if (name.starts_with(kUnfinished)) RETURN_IF_ERROR(remove_tree(slices_fd, name));
  }
  return Done{};
}

}  // namespace carrel::service
