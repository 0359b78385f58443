#pragma once
// What of a commit is in its slice: the files, and the trees rebuilt so that they name these only.

#include <optional>
#include <string>
#include <vector>

#include "broker/service/slices/exposure.h"
#include "broker/service/slices/source.h"
#include "broker/service/slices/store.h"
#include "broker/wire/manifest/manifest.h"

namespace carrel::slices {

struct SelectedFile {
  std::string path;
  git_oid id{};
  uint32_t mode = 0;                // 0100644, 0100755 or 0120000
  std::optional<size_t> read_only;  // index into Selection::read_only of the entry it is below
};

struct Selection {
  git_oid tree{};                                  // rebuilt root
  std::vector<git_oid> trees;                      // all rebuilt trees, the root among them
  std::vector<manifest::ReadOnlyEntry> read_only;  // sorted by bytes
  std::vector<SelectedFile> files;                 // sorted by bytes, as git's index is
};

/// Walks the commit's tree, below exposed folders only, and adds the rebuilt trees to the store.
/// Submodules are left out. Refuses entries that the commit does not have, names that git or a file
/// system would misunderstand, and more files or entries than a manifest can list.
Result<Selection> select(const SliceRequest& request, const Source& source, ObjectStore& store,
                         Fault& fault);

}  // namespace carrel::slices
