#include "launcher/service/slicing.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "broker/wire/manifest/slice_key.h"
#include "launcher/box/kernel/id_map.h"
#include "launcher/box/kernel/mount_api.h"
#include "launcher/box/plan/plan.h"
#include "launcher/service/slicer_jail.h"
#include "profiles/base/text.h"

namespace carrel::service {
namespace {

constexpr int kSliceMs = 30 * 60 * 1000;
constexpr int kShortMs = 60 * 1000;

std::vector<std::string> slicer_arguments(const model::Repository& repository) {
  std::vector<std::string> words = {"carrel-slicer", "--ref", repository.ref, "--name",
                                    repository.name};
  const auto add = [&words](const char* option, const std::vector<model::PathEntry>& entries) {
    for (const model::PathEntry& entry : entries) {
      words.emplace_back(option);
      words.push_back(entry.path.text());
    }
  };
  add("--read", repository.read);
  add("--write", repository.write);
  add("--never", repository.never);
  return words;
}

/// The repository's mount as the slicer shall see it: its owner as the slicer itself where the file
/// system can do that, else as it is.
Result<UniqueFd> repository_source(const SliceJob& job) {
  ASSIGN_OR_RETURN(UniqueFd plain,
                   kernel::clone_tree_from_home(*job.namespaces, job.repository_fd));
  struct stat what {};
  if (fstat(job.repository_fd, &what) != 0) return errno_error("fstat the repository");
  if (!job.idmaps) return plain;
  ASSIGN_OR_RETURN(const UniqueFd map, kernel::make_id_map({what.st_uid, job.uid_base + 1}));
  if (kernel::idmap_mount(plain.get(), map.get()).ok()) return plain;
  return kernel::clone_tree_from_home(*job.namespaces, job.repository_fd);
}

void say_failure(const char* what, const SliceJob& job, const Error& why, SliceFailure* failure) {
  if (!failure->text.empty()) return;
  failure->text = what + quoted(job.repository->name) + ": " + to_string(why);
}

Status slice(const plan::HostFacts& facts, const SliceJob& job, SliceFailure* failure) {
  SlicerRun run;
  run.arguments = slicer_arguments(*job.repository);
  ASSIGN_OR_RETURN(run.repository, repository_source(job));
  ASSIGN_OR_RETURN(run.output, kernel::clone_tree(job.output_fd, kernel::Tree::kOne));
  run.limit_ms = kSliceMs;
  std::string unused;
  return run_slicer(facts, job, std::move(run), &unused, failure);
}

Result<std::string> resolve(const plan::HostFacts& facts, const SliceJob& job,
                            SliceFailure* failure) {
  SlicerRun run;
  run.arguments = {"carrel-slicer",     "--resolve", "--ref",
                   job.repository->ref, "--name",    job.repository->name};
  ASSIGN_OR_RETURN(run.repository, repository_source(job));
  run.limit_ms = kShortMs;
  std::string answer;
  RETURN_IF_ERROR(run_slicer(facts, job, std::move(run), &answer, failure));
  return manifest::parse_resolved(answer);
}

Status mend(const plan::HostFacts& facts, const SliceJob& job, int slice_fd, UniqueFd tree,
            SliceFailure* failure) {
  SlicerRun run;
  run.arguments = {"carrel-slicer", "--mend"};
  ASSIGN_OR_RETURN(run.repository, kernel::clone_tree(slice_fd, kernel::Tree::kOne));
  run.output = std::move(tree);
  run.output_idmapped = false;
  run.limit_ms = kShortMs;
  std::string unused;
  return run_slicer(facts, job, std::move(run), &unused, failure);
}

}  // namespace

Status make_slice(const plan::HostFacts& facts, const SliceJob& job, SliceFailure* failure) {
  *failure = SliceFailure{};
  const Status done = slice(facts, job, failure);
  if (!done.ok()) say_failure("make the slice of ", job, done.error(), failure);
  return done;
}

Result<std::string> resolve_commit(const plan::HostFacts& facts, const SliceJob& job,
                                   SliceFailure* failure) {
  *failure = SliceFailure{};
  Result<std::string> commit = resolve(facts, job, failure);
  if (!commit.ok()) say_failure("look up the ref of ", job, commit.error(), failure);
  return commit;
}

Status mend_git(const plan::HostFacts& facts, const SliceJob& job, int slice_fd, UniqueFd tree,
                SliceFailure* failure) {
  *failure = SliceFailure{};
  const Status done = mend(facts, job, slice_fd, std::move(tree), failure);
  if (!done.ok()) say_failure("mend git's settings in ", job, done.error(), failure);
  return done;
}

}  // namespace carrel::service
