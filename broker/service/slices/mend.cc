#include "broker/service/slices/mend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <optional>
#include <utility>

#include "broker/service/slices/git_settings.h"
#include "broker/service/slices/index_bits.h"
#include "broker/service/slices/output.h"
#include "profiles/base/unique_fd.h"

namespace carrel::slices {
namespace {

constexpr const char* kNew = "carrel-mend.new";

struct Present {
  std::string bytes;
  struct stat what {};
};

/// A regular file as it is; nothing where there is none.
Result<std::optional<Present>> read_present(int folder_fd, const char* name, size_t limit) {
  const UniqueFd file(openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) return std::optional<Present>();
  if (!file.valid()) return errno_error("open it");
  Present present;
  if (fstat(file.get(), &present.what) != 0) return errno_error("look at it");
  if (!S_ISREG(present.what.st_mode)) return Error{"not a regular file"};
  if (static_cast<uint64_t>(present.what.st_size) > limit) return Error{"too large"};
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t got = read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read it");
    if (got == 0) return std::optional(std::move(present));
    present.bytes.append(part.data(), static_cast<size_t>(got));
    if (present.bytes.size() > limit) return Error{"too large"};
  }
}

/// A new file in its place, never bytes written into what may have other names.
Status replace(int folder_fd, const char* name, std::string_view bytes,
               const std::optional<Present>& old, bool keeps_time) {
  (void)unlinkat(folder_fd, kNew, 0);
  const mode_t mode = old ? old->what.st_mode & 0777U : 0644U;
  const UniqueFd file(
      openat(folder_fd, kNew, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error("make a new one");
  Status done = write_all(file.get(), bytes, "write it");
  if (done.ok() && fchmod(file.get(), mode) != 0) done = errno_error("set its mode");
  if (done.ok() && keeps_time && old) {
    const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, old->what.st_mtim};
    if (futimens(file.get(), times.data()) != 0) done = errno_error("set its time");
  }
  if (done.ok() && renameat(folder_fd, kNew, folder_fd, name) != 0) done = errno_error("name it");
  if (!done.ok()) (void)unlinkat(folder_fd, kNew, 0);
  return done;
}

Result<UniqueFd> open_folder(int parent_fd, const char* name) {
  UniqueFd folder(openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return errno_error("open it");
  return folder;
}

class Mender {
 public:
  Mender(const manifest::Manifest& head, int git_fd) : head_(head), git_fd_(git_fd) {}
  Status run();

 private:
  /// What a file's bytes ought to be, given what they are.
  using Wanted = std::function<Result<std::string>(std::string_view)>;

  Status settings(int folder_fd, const char* name, bool must_be, const Wanted& wanted);
  Status info();
  Status index();
  void note(const char* name, const Status& done);

  const manifest::Manifest& head_;
  int git_fd_;
  std::string wrong_;
};

void Mender::note(const char* name, const Status& done) {
  if (done.ok()) return;
  wrong_ += (wrong_.empty() ? "" : "; ") + std::string(name) + ": " + to_string(done.error());
}

Status Mender::settings(int folder_fd, const char* name, bool must_be, const Wanted& wanted) {
  ASSIGN_OR_RETURN(const std::optional<Present> present,
                   read_present(folder_fd, name, kMaxSettingsBytes));
  if (!present && !must_be) return Done{};
  const std::string old = present ? present->bytes : "";
  ASSIGN_OR_RETURN(const std::string mended, wanted(old));
  if (present && mended == old) return Done{};
  return replace(folder_fd, name, mended, present, false);
}

Status Mender::info() {
  if (mkdirat(git_fd_, "info", 0755) != 0 && errno != EEXIST) return errno_error("make it");
  ASSIGN_OR_RETURN(const UniqueFd info, open_folder(git_fd_, "info"));
  note(".git/info/sparse-checkout",
       settings(info.get(), "sparse-checkout", true, [this](std::string_view old) {
         return with_sparse_patterns(old, head_.read_only);
       }));
  note(".git/info/exclude", settings(info.get(), "exclude", true, [this](std::string_view old) {
         return with_exclude_patterns(old, head_.read_only);
       }));
  return Done{};
}

Status Mender::index() {
  ASSIGN_OR_RETURN(const std::optional<Present> present,
                   read_present(git_fd_, "index", kMaxIndexBytes));
  if (!present) return Done{};
  ASSIGN_OR_RETURN(const std::optional<std::string> mended,
                   with_skip_worktree(present->bytes, head_.read_only));
  if (!mended) return Done{};
  return replace(git_fd_, "index", *mended, present, true);
}

Status Mender::run() {
  const auto config = [this](std::string_view old) {
    return with_config(old, !head_.read_only.empty());
  };
  note(".git/config", settings(git_fd_, "config", true, config));
  // `git sparse-checkout` makes it, and it wins over .git/config.
  note(".git/config.worktree", settings(git_fd_, "config.worktree", false, config));
  if (!head_.read_only.empty()) {
    note(".git/info", info());
    note(".git/index", index());
  }
  if (wrong_.empty()) return Done{};
  return Error{"git may stumble over read-only entries: " + wrong_};
}

Result<manifest::Manifest> read_head(const std::string& slice) {
  const UniqueFd file(
      open((slice + "/manifest").c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return errno_error("open the slice's manifest");
  ASSIGN_OR_RETURN(manifest::Head head, manifest::read_manifest_head(file.get()));
  return std::move(head.manifest);
}

}  // namespace

Status mend(const MendRequest& request, Fault& fault) {
  fault = Fault::kOther;
  ASSIGN_OR_RETURN(const manifest::Manifest head, read_head(request.slice));
  const UniqueFd tree(open(request.tree.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree.valid()) return errno_error("open the working tree");
  fault = Fault::kProfile;
  const Result<UniqueFd> git = open_folder(tree.get(), ".git");
  if (!git.ok()) {
    return Error{"git may stumble over read-only entries: .git: " + to_string(git.error())};
  }
  return Mender(head, git.value().get()).run();
}

}  // namespace carrel::slices
