#include "broker/service/slices/source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::slices {
namespace {

constexpr std::string_view kHeads = "refs/heads/";
constexpr size_t kMaxAlternatesBytes = size_t{1} << 20;

enum class Shape { kAbsent, kFolder, kOther };

Result<Shape> shape_of(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Shape::kAbsent;
    return errno_error("look at " + quoted(path));
  }
  return S_ISDIR(info.st_mode) ? Shape::kFolder : Shape::kOther;
}

/// The branch that the profile names, without "refs/heads/"; "" where it names something else. A
/// symbolic reference was followed already, and where it leads is no name that was granted.
std::string granted_branch(std::string_view found, const std::string& asked) {
  const bool named = found == asked || found == "refs/" + asked || found == "refs/heads/" + asked;
  return named && found.starts_with(kHeads) ? std::string(found.substr(kHeads.size())) : "";
}

class Opener {
 public:
  Opener(const SliceRequest& request, Fault& fault) : request_(request), fault_(fault) {}

  Result<Source> open();

 private:
  /// An Error about what the profile names.
  Error refuse(const std::string& what) {
    fault_ = Fault::kProfile;
    return Error{"the repository of \"" + request_.name + "\" " + what};
  }
  Error refuse_ref(const std::string& what) {
    fault_ = Fault::kProfile;
    return Error{"ref \"" + quoted(request_.ref.substr(0, 200)) + "\" of \"" + request_.name +
                 "\" " + what + "; name a branch, a tag or a full commit id of it"};
  }
  Result<std::string> find_git_folder();
  Status check_borrowing(const std::string& git_folder);
  Status check_formats(const std::string& git_folder);
  Result<Git<git_object>> find_commit(git_repository* repository, Source& source);

  const SliceRequest& request_;
  Fault& fault_;
};

Result<std::string> Opener::find_git_folder() {
  ASSIGN_OR_RETURN(const Shape root, shape_of(request_.repository));
  if (root == Shape::kAbsent) return refuse("is not there; correct the profile's source");
  if (root == Shape::kOther) return refuse("is no folder; correct the profile's source");
  const std::string inner = request_.repository + "/.git";
  ASSIGN_OR_RETURN(const Shape dot_git, shape_of(inner));
  if (dot_git == Shape::kOther) {
    return refuse(
        "has a .git file, as a linked worktree or a submodule has, so its objects lie elsewhere; "
        "name the main repository in the profile's source");
  }
  return dot_git == Shape::kFolder ? inner : request_.repository;
}

Status Opener::check_borrowing(const std::string& git_folder) {
  ASSIGN_OR_RETURN(const Shape common, shape_of(git_folder + "/commondir"));
  if (common != Shape::kAbsent) {
    return refuse(
        "is the folder of a linked worktree, whose objects lie elsewhere; name the main repository "
        "in the profile's source");
  }
  ASSIGN_OR_RETURN(const Shape objects, shape_of(git_folder + "/objects"));
  if (objects != Shape::kFolder) {
    return refuse(
        "has no folder \"objects\", so it is no git repository; correct the profile's source");
  }
  const std::string path = git_folder + "/objects/info/alternates";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT) return Done{};
    return errno_error("open objects/info/alternates");
  }
  std::string bytes(kMaxAlternatesBytes, '\0');
  const ssize_t got = read(file.get(), bytes.data(), bytes.size());
  if (got < 0) return errno_error("read objects/info/alternates");
  bytes.resize(static_cast<size_t>(got));
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty() || line[0] == '#') continue;
    return refuse(
        "borrows objects from another one (objects/info/alternates), which a slice does not see; "
        "make it whole with \"git repack -a -d\" and remove that file");
  }
  return Done{};
}

Status Opener::check_formats(const std::string& git_folder) {
  git_config* raw = nullptr;
  if (git_config_open_ondisk(&raw, (git_folder + "/config").c_str()) < 0) {
    return git_failure("read the repository's config");
  }
  const Git<git_config> config(raw);
  const auto has_other = [&](const char* key, std::string_view known) {
    git_config_entry* entry = nullptr;
    if (git_config_get_entry(&entry, config.get(), key) < 0) return false;
    const bool other = std::string_view(entry->value) != known;
    git_config_entry_free(entry);
    return other;
  };
  if (has_other("extensions.objectformat", "sha1")) {
    return refuse("has SHA-256 objects, which are not supported yet; name one with SHA-1 objects");
  }
  if (has_other("extensions.refstorage", "files")) {
    return refuse(
        "keeps its refs in a reftable, which is not supported yet; migrate it with "
        "\"git refs migrate --ref-format=files\"");
  }
  return Done{};
}

Result<Git<git_object>> Opener::find_commit(git_repository* repository, Source& source) {
  git_object* raw = nullptr;
  git_oid id{};
  const bool is_id =
      request_.ref.size() == GIT_OID_HEXSZ && git_oid_fromstr(&id, request_.ref.c_str()) == 0;
  if (is_id) {
    const int failed = git_object_lookup(&raw, repository, &id, GIT_OBJECT_ANY);
    if (failed == GIT_ENOTFOUND) return refuse_ref("is not there");
    if (failed < 0) return git_failure("read the commit of ref " + request_.ref);
  } else {
    git_reference* raw_reference = nullptr;
    const int failed = git_reference_dwim(&raw_reference, repository, request_.ref.c_str());
    if (failed == GIT_ENOTFOUND || failed == GIT_EINVALIDSPEC) return refuse_ref("is not there");
    if (failed < 0) return git_failure("look up ref \"" + quoted(request_.ref) + "\"");
    const Git<git_reference> reference(raw_reference);
    source.branch = granted_branch(git_reference_name(reference.get()), request_.ref);
    const int unpeeled = git_reference_peel(&raw, reference.get(), GIT_OBJECT_ANY);
    if (unpeeled == GIT_ENOTFOUND) return refuse_ref("is not there");
    if (unpeeled < 0) return git_failure("follow ref \"" + quoted(request_.ref) + "\"");
  }
  const Git<git_object> named(raw);
  git_object* commit = nullptr;
  const int failed = git_object_peel(&commit, named.get(), GIT_OBJECT_COMMIT);
  if (failed == GIT_EINVALIDSPEC || failed == GIT_EPEEL) return refuse_ref("names no commit");
  if (failed < 0) return git_failure("read the commit of ref \"" + quoted(request_.ref) + "\"");
  return Git<git_object>(commit);
}

Result<Source> Opener::open() {
  ASSIGN_OR_RETURN(const std::string git_folder, find_git_folder());
  RETURN_IF_ERROR(check_borrowing(git_folder));
  RETURN_IF_ERROR(check_formats(git_folder));
  git_repository* raw = nullptr;
  const int failed = git_repository_open_ext(
      &raw, git_folder.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_BARE, nullptr);
  if (failed == GIT_ENOTFOUND) {
    return refuse("is no git repository; correct the profile's source");
  }
  if (failed < 0) return git_failure("open the repository of \"" + request_.name + "\"");
  const Git<git_repository> repository(raw);
  Source source;
  ASSIGN_OR_RETURN(const Git<git_object> found, find_commit(repository.get(), source));
  git_commit* raw_commit = nullptr;
  if (git_commit_lookup(&raw_commit, repository.get(), git_object_id(found.get())) < 0) {
    return git_failure("read the commit of ref \"" + quoted(request_.ref) + "\"");
  }
  const Git<git_commit> commit(raw_commit);
  source.objects = git_folder + "/objects";
  source.commit = *git_commit_id(commit.get());
  source.tree = *git_commit_tree_id(commit.get());
  source.time = std::max<int64_t>(git_commit_time(commit.get()), 0);
  int valid = 0;
  if (git_branch_name_is_valid(&valid, source.branch.c_str()) < 0 || valid == 0) {
    source.branch = "main";
  }
  return source;
}

}  // namespace

Result<Source> open_source(const SliceRequest& request, Fault& fault) {
  return Opener(request, fault).open();
}

}  // namespace carrel::slices
