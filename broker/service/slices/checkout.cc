#include "broker/service/slices/checkout.h"

#include <set>
#include <utility>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"

namespace carrel::slices {
namespace {

constexpr size_t kMaxLinkBytes = 4095;  // of a path that symlink(2) takes

class Writer {
 public:
  Writer(const ObjectStore& store, PackWriter& pack, OutputFolder& tree, OutputFolder ro,
         OutputFolder pristine)
      : store_(store),
        pack_(pack),
        tree_(tree),
        ro_(std::move(ro)),
        pristine_(std::move(pristine)) {}

  Status mount_points(const std::vector<manifest::ReadOnlyEntry>& entries);
  /// Writes one file and adds it to `out`.
  Status file(const SelectedFile& file, const Selection& selection, Checkout& out);
  Status finish() { return ro_.settle(); }

 private:
  Status ordinary(const SelectedFile& file, std::string_view bytes, Checkout& out);
  static Status put(OutputFolder& folder, std::string_view path, const SelectedFile& file,
                    std::string_view bytes);

  const ObjectStore& store_;
  PackWriter& pack_;
  OutputFolder& tree_;
  OutputFolder ro_;
  OutputFolder pristine_;
  evidence::Sha256 hash_;
  std::set<evidence::Digest> kept_;  // what pristine_ has
};

Status check_link(const SelectedFile& file, std::string_view target) {
  const bool good = !target.empty() && target.size() <= kMaxLinkBytes &&
                    target.find('\0') == std::string_view::npos;
  if (good) return Done{};
  return Error{"the repository's symbolic link \"" + quoted(file.path.substr(0, 200)) +
               "\" has a target that no file system takes; take it out of the commit, or hide it "
               "with a never entry"};
}

Status Writer::mount_points(const std::vector<manifest::ReadOnlyEntry>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].folder) {
      RETURN_IF_ERROR(tree_.folder(entries[i].path));
      RETURN_IF_ERROR(ro_.folder(std::to_string(i)));
    } else {
      RETURN_IF_ERROR(tree_.file(entries[i].path, "", 0644));
    }
  }
  return Done{};
}

Status Writer::put(OutputFolder& folder, std::string_view path, const SelectedFile& file,
                   std::string_view bytes) {
  if (file.mode == GIT_FILEMODE_LINK) return folder.link(path, std::string(bytes));
  return folder.file(path, bytes, file.mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644);
}

Status Writer::ordinary(const SelectedFile& file, std::string_view bytes, Checkout& out) {
  RETURN_IF_ERROR(put(tree_, file.path, file, bytes));
  const evidence::Digest digest = hash_.of(bytes);
  if (bytes.size() <= kMaxPristineBytes && kept_.insert(digest).second) {
    RETURN_IF_ERROR(pristine_.file(to_hex(evidence::as_view(digest)), bytes, 0644));
  }
  out.listed.push_back(
      {file.path, file.mode, bytes.size(), std::string(evidence::as_view(digest))});
  return Done{};
}

Status Writer::file(const SelectedFile& file, const Selection& selection, Checkout& out) {
  const auto blob = store_.read(file.id, GIT_OBJECT_BLOB, kMaxFileBytes);
  if (!blob.ok()) {
    return Error{"the repository's file \"" + quoted(file.path.substr(0, 200)) +
                     "\" cannot be put into the slice (files may have 1 GiB): " + blob.error().what,
                 blob.error().sys_errno};
  }
  const std::string_view bytes = bytes_of(blob.value().get());
  if (file.mode == GIT_FILEMODE_LINK) RETURN_IF_ERROR(check_link(file, bytes));
  out.sizes.push_back(bytes.size());
  RETURN_IF_ERROR(pack_.add(file.id, GIT_OBJECT_BLOB, bytes));
  if (!file.read_only) return ordinary(file, bytes, out);
  const std::string& entry = selection.read_only[*file.read_only].path;
  return put(ro_, std::to_string(*file.read_only) + file.path.substr(entry.size()), file, bytes);
}

}  // namespace

Result<Checkout> write_files(const Selection& selection, const ObjectStore& store, int output_fd,
                             OutputFolder& tree, PackWriter& pack) {
  ASSIGN_OR_RETURN(OutputFolder ro, OutputFolder::make(output_fd, "ro", "ro"));
  ASSIGN_OR_RETURN(OutputFolder pristine, OutputFolder::make(output_fd, "pristine", "pristine"));
  Writer writer(store, pack, tree, std::move(ro), std::move(pristine));
  RETURN_IF_ERROR(writer.mount_points(selection.read_only));
  Checkout out;
  out.sizes.reserve(selection.files.size());
  for (const SelectedFile& file : selection.files) {
    RETURN_IF_ERROR(writer.file(file, selection, out));
  }
  RETURN_IF_ERROR(writer.finish());
  return out;
}

}  // namespace carrel::slices
