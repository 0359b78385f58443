// An opening's workspace on the host: its folder, its slices, its disk, and the trees made of them.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/service/opener.h"
#include "launcher/service/slicing.h"
#include "profiles/base/text.h"

namespace carrel::service {

using kernel::Tree;

namespace {

constexpr int kNotGranted = 121;

/// Of a workspace without an image. A repository's name has no dot.
std::string own_folder(const std::string& repository) {
  return "repository." + repository;
}

Result<UniqueFd> duplicate(const UniqueFd& fd) {
  UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return errno_error("duplicate a descriptor");
  return copy;
}

/// The root of a mount as a folder to read.
Result<UniqueFd> root_of(const UniqueFd& mount) {
  UniqueFd root(openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return errno_error("open the working tree for the session");
  return root;
}

/// A folder as the session's own, read-only, for the difference at the end.
Result<UniqueFd> session_folder(int folder_fd, const char* name, const storage::Viewer& recorder) {
  ASSIGN_OR_RETURN(const UniqueFd place, open_beneath(folder_fd, name, O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const UniqueFd mount, kernel::clone_tree(place.get(), Tree::kOne));
  if (recorder.idmap_fd >= 0) {
    RETURN_IF_ERROR(kernel::idmap_mount(mount.get(), recorder.idmap_fd));
  }
  RETURN_IF_ERROR(kernel::set_mount_attributes(
      mount.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      Tree::kOne));
  return root_of(mount);
}

}  // namespace

Status Opener::open_workspace() {
  const std::string name = opening_.spec.workspace();
  Result<Workspace> opened =
      Workspace::open(tools_.state.workspaces.get(), name, [this] { return is_unwanted(); });
  person_left_ = !opened.ok() && client_gone();
  if (!opened.ok()) return opened.take_error();
  workspace_.emplace(opened.take());
  storage_ = tools_.facts.storage;
  if (workspace_->is_new()) {
    undos_.emplace_back([this, name] {
      const Status removed = workspace_->discard();
      if (removed.ok()) return;
      tools_.log("workspace.left folder=" + name + " why=" + quoted(to_string(removed.error())));
    });
    return Done{};
  }
  const bool image = faccessat(workspace_->folder_fd(), "image", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  if (!image && uses_image()) {
    storage_ = {plan::StorageKind::kFolder, "this workspace was made where there were no images"};
  } else if (image && !uses_image()) {
    return Error{"this workspace lies in an image, which the host cannot mount now: " +
                 storage_.reason};
  }
  code_ = kNotGranted;
  RETURN_IF_ERROR(check_fits(workspace_->slices(), opening_.profile, opening_.spec.task()));
  code_ = kSetupFailed;
  return Done{};
}

SliceJob Opener::slice_job(size_t index) const {
  SliceJob job;
  job.repository = &opening_.profile.repositories[index];
  job.repository_fd = opening_.repositories[index].get();
  job.uid_base = opening_.slicer_uid_base;
  job.idmaps = tools_.facts.root;
  job.cgroups = tools_.cgroups;
  job.cgroup_name = opening_.spec.session() + "-slicer";
  job.namespaces = &tools_.namespaces;
  job.init_fd = tools_.programs.init.get();
  job.slicer_fd = tools_.programs.slicer.get();
  job.filters = &tools_.programs.filters;
  job.gone = [this] { return is_unwanted(); };
  return job;
}

Error Opener::slicing_failed(const SliceFailure& failure) {
  code_ = failure.code;
  person_left_ = client_gone();
  return Error{failure.text};
}

/// One that is there already, for the commit that the ref names now. Nothing: it must be made.
Result<std::optional<SlicedRepository>> Opener::find_slice(size_t index, SliceUse* use) {
  const model::Repository& repository = opening_.profile.repositories[index];
  const int slices = tools_.state.slices.get();
  ASSIGN_OR_RETURN(const bool may_be_there, may_have_slice(slices, repository));
  if (!may_be_there) return std::optional<SlicedRepository>();
  SliceFailure failure;
  const Result<std::string> commit = resolve_commit(tools_.facts, slice_job(index), &failure);
  if (!commit.ok()) return slicing_failed(failure);
  ASSIGN_OR_RETURN(use->slice,
                   slice_name(repository, opening_.repositories[index].get(), commit.value()));
  Result<SlicedRepository> found = open_slice(slices, use->slice, repository.name);
  if (found.ok()) return std::optional<SlicedRepository>(found.take());
  if (found.error().sys_errno == ENOENT) return std::optional<SlicedRepository>();
  return found.take_error();
}

/// In a folder of the store that becomes the slice, or in the workspace's own.
Result<SlicedRepository> Opener::make_new_slice(size_t index) {
  const model::Repository& repository = opening_.profile.repositories[index];
  SliceUse use{repository.name, exposure_of(repository), ""};
  if (uses_image()) {
    ASSIGN_OR_RETURN(std::optional<SlicedRepository> found, find_slice(index, &use));
    if (found.has_value()) {
      uses_.push_back(std::move(use));
      return std::move(*found);
    }
  }
  const std::string maker = opening_.spec.session() + "-" + std::to_string(index);
  const int slices = tools_.state.slices.get();
  undos_.emplace_back([slices, maker] { drop_slice(slices, maker); });  // nothing once it is named
  ASSIGN_OR_RETURN(UniqueFd folder,
                   uses_image() ? begin_slice(slices, maker)
                                : make_workspace_folder(workspace_->folder_fd(),
                                                        own_folder(repository.name), work_owner()));
  SliceJob job = slice_job(index);
  job.output_fd = folder.get();
  SliceFailure failure;
  if (!make_slice(tools_.facts, job, &failure).ok()) return slicing_failed(failure);
  ASSIGN_OR_RETURN(SlicedRepository sliced, open_sliced(repository.name, std::move(folder)));
  if (uses_image()) {
    ASSIGN_OR_RETURN(
        use.slice, slice_name(repository, opening_.repositories[index].get(), sliced.head.source));
    ASSIGN_OR_RETURN(sliced, finish_slice(slices, maker, use.slice, repository.name));
  }
  uses_.push_back(std::move(use));
  return sliced;
}

Result<SlicedRepository> Opener::slice_one(size_t index) {
  if (workspace_->is_new()) return make_new_slice(index);
  const std::string& name = opening_.profile.repositories[index].name;
  const auto use = std::find_if(workspace_->slices().begin(), workspace_->slices().end(),
                                [&](const SliceUse& each) { return each.repository == name; });
  uses_.push_back(*use);  // check_fits() saw it
  if (!use->slice.empty()) return open_slice(tools_.state.slices.get(), use->slice, name);
  ASSIGN_OR_RETURN(UniqueFd folder,
                   open_beneath(workspace_->folder_fd(), own_folder(name), O_PATH | O_DIRECTORY));
  return open_sliced(name, std::move(folder));
}

Status Opener::make_slices() {
  for (size_t i = 0; i < opening_.profile.repositories.size(); ++i) {
    ASSIGN_OR_RETURN(SlicedRepository slice, slice_one(i));
    slices_.push_back(std::move(slice));
  }
  return Done{};
}

Status Opener::keep_workspace() {
  return workspace_->is_new() ? workspace_->keep(uses_) : Status(Done{});
}

Status Opener::make_disk_tree(SlicedRepository& slice, const storage::Viewer& payload,
                              const storage::Viewer& recorder, const storage::Places& places) {
  ASSIGN_OR_RETURN(const UniqueFd lower,
                   open_beneath(slice.folder.get(), "tree", O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(UniqueFd overlay, disk_->working_tree(slice.name, lower.get(), payload, places));
  ASSIGN_OR_RETURN(const UniqueFd view, disk_->view(slice.name, lower.get(), recorder, places));
  ASSIGN_OR_RETURN(const UniqueFd upper, disk_->changes(slice.name, recorder, places));
  ASSIGN_OR_RETURN(trees_.back().tree, root_of(view));
  ASSIGN_OR_RETURN(trees_.back().upper, root_of(upper));
  overlays_.push_back(std::move(overlay));
  return Done{};
}

/// What the payload gets and what the session compares at the end, for each repository.
Status Opener::make_trees() {
  const uint32_t recorder = plan_.uids.recorder_host();
  UniqueFd payload_map;
  UniqueFd recorder_map;
  if (tools_.facts.root) {
    ASSIGN_OR_RETURN(payload_map,
                     kernel::make_id_map({plan::kOnDiskOwner, plan_.uids.payload_host()}));
    ASSIGN_OR_RETURN(recorder_map, kernel::make_id_map({plan::kOnDiskOwner, recorder}));
  }
  const storage::Viewer payload_viewer{payload_map.get(), plan_.uids.payload_host()};
  const storage::Viewer recorder_viewer{recorder_map.get(), recorder};
  ASSIGN_OR_RETURN(const UniqueFd lower, place_at(workspace_->folder_fd(), "lower"));
  ASSIGN_OR_RETURN(const UniqueFd upper, place_at(workspace_->folder_fd(), "upper"));
  for (SlicedRepository& slice : slices_) {
    trees_.emplace_back();
    if (uses_image()) {
      RETURN_IF_ERROR(
          make_disk_tree(slice, payload_viewer, recorder_viewer, {lower.get(), upper.get()}));
    } else {
      ASSIGN_OR_RETURN(trees_.back().tree,
                       session_folder(slice.folder.get(), "tree", recorder_viewer));
      ASSIGN_OR_RETURN(trees_.back().upper, duplicate(trees_.back().tree));
    }
    ASSIGN_OR_RETURN(trees_.back().slice, session_folder(slice.folder.get(), ".", recorder_viewer));
  }
  return Done{};
}

Result<std::vector<UniqueFd>> Opener::open_sources() {
  std::vector<UniqueFd> sources;
  for (const plan::Source& source : plan_.sources) {
    if (source.kind == plan::SourceKind::kCredentials) {
      ASSIGN_OR_RETURN(const UniqueFd place, place_at(workspace_->folder_fd(), "credentials"));
      ASSIGN_OR_RETURN(UniqueFd mount, kernel::second_mount(credentials_.get(), place.get()));
      sources.push_back(std::move(mount));
      continue;
    }
    if (source.kind == plan::SourceKind::kHome) {
      ASSIGN_OR_RETURN(UniqueFd home, home_source());
      sources.push_back(std::move(home));
      continue;
    }
    if (source.kind == plan::SourceKind::kInside) {
      sources.push_back(std::move(inside_));
      continue;
    }
    if (source.kind == plan::SourceKind::kTrust || source.kind == plan::SourceKind::kTrustBundle ||
        source.kind == plan::SourceKind::kTrustJavaStore) {
      ASSIGN_OR_RETURN(UniqueFd trusted, trust_source(source.kind));
      sources.push_back(std::move(trusted));
      continue;
    }
    if (source.kind == plan::SourceKind::kInsideProgram) {
      ASSIGN_OR_RETURN(UniqueFd program,
                       kernel::clone_tree(tools_.programs.inside.get(), Tree::kOne));
      sources.push_back(std::move(program));
      continue;
    }
    const auto slice =
        std::find_if(slices_.begin(), slices_.end(),
                     [&](const SlicedRepository& each) { return each.name == source.repository; });
    if (slice == slices_.end()) return Error{"no slice of " + quoted(source.repository)};
    if (source.kind == plan::SourceKind::kTree && uses_image()) {
      ASSIGN_OR_RETURN(UniqueFd overlay,
                       duplicate(overlays_[static_cast<size_t>(slice - slices_.begin())]));
      sources.push_back(std::move(overlay));
      continue;
    }
    const std::string path =
        source.kind == plan::SourceKind::kTree ? "tree" : "ro/" + std::to_string(source.entry);
    ASSIGN_OR_RETURN(const UniqueFd place, open_beneath(slice->folder.get(), path, O_PATH));
    ASSIGN_OR_RETURN(UniqueFd mount, kernel::clone_tree(place.get(), Tree::kOne));
    sources.push_back(std::move(mount));
  }
  return sources;
}

}  // namespace carrel::service
