#include "launcher/service/workspace.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "broker/record/evidence/sha256.h"
#include "launcher/service/folders.h"
#include "profiles/base/text.h"
#include "profiles/model/words.h"

namespace carrel::service {
namespace {

constexpr const char* kSlices = "slices";
constexpr const char* kUnfinished = "unfinished";
constexpr std::string_view kHead = "carrel-workspace 1";
constexpr size_t kMaxSlicesBytes = size_t{1} << 20;
constexpr int kLockMs = 60'000;

bool is_word(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

void add_part(std::string& out, std::string_view part) {
  out += std::to_string(part.size()) + ":";
  out += part;
}

void add_entries(std::string& out, const std::vector<model::PathEntry>& entries) {
  add_part(out, std::to_string(entries.size()));
  for (const model::PathEntry& entry : entries)
    add_part(out, entry.path.text());
}

/// Words between single spaces.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

Result<std::string> read_small(int fd) {
  std::string bytes(kMaxSlicesBytes + 1, '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read the workspace's slices");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  if (have > kMaxSlicesBytes) return Error{"the workspace's list of slices is too long", EBADMSG};
  bytes.resize(have);
  return bytes;
}

Status lock_folder(int folder_fd, const std::function<bool()>& gone) {
  constexpr int kStepMs = 10;
  for (int waited = 0; flock(folder_fd, LOCK_EX | LOCK_NB) != 0; waited += kStepMs) {
    if (errno != EWOULDBLOCK && errno != EINTR) return errno_error("lock the workspace's folder");
    if (gone && gone()) return Error{"nobody wants the workspace any more", ECANCELED};
    if (waited >= kLockMs) {
      return Error{"the workspace is still in use by an earlier session: carrel list shows it",
                   EWOULDBLOCK};
    }
    const timespec step{0, kStepMs * 1'000'000L};
    nanosleep(&step, nullptr);
  }
  return Done{};
}

Result<UniqueFd> open_or_make(int workspaces_fd, const std::string& name) {
  UniqueFd folder(
      openat(workspaces_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.valid()) return folder;
  if (errno != ENOENT) return errno_error("open the workspace's folder " + quoted(name));
  return make_workspace_folder(workspaces_fd, name, FolderOwner::kRoot);
}

bool has(int folder_fd, const char* name) {
  return faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Status mark_unfinished(int folder_fd) {
  const UniqueFd mark(
      openat(folder_fd, kUnfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!mark.valid()) return errno_error("mark the new workspace");
  return Done{};
}

/// The folder that was locked may have been removed, and made again, while we waited.
bool is_still_there(int workspaces_fd, const std::string& name, int folder_fd) {
  struct stat held {};
  struct stat named {};
  return fstat(folder_fd, &held) == 0 &&
         fstatat(workspaces_fd, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace

std::string exposure_of(const model::Repository& repository) {
  std::string all;
  add_part(all, "carrel-exposure 1");
  add_part(all, repository.source);
  add_part(all, repository.ref);
  add_part(all, model::word_of(model::kHistoryWords, repository.history));
  add_entries(all, repository.read);
  add_entries(all, repository.write);
  add_entries(all, repository.never);
  return to_hex(evidence::as_view(evidence::sha256(all)));
}

std::string format_slices(const std::vector<SliceUse>& slices) {
  std::string out = std::string(kHead) + "\n";
  for (const SliceUse& use : slices) {
    out += "repository " + use.repository + " " + use.exposure + " " +
           (use.slice.empty() ? "own" : use.slice) + "\n";
  }
  return out + "end\n";
}

Result<std::vector<SliceUse>> parse_slices(std::string_view bytes) {
  const Error broken{"the workspace's list of slices is damaged", EBADMSG};
  std::vector<SliceUse> slices;
  bool headed = false;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return broken;
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (!headed) {
      if (line != kHead) return broken;
      headed = true;
      continue;
    }
    if (line == "end") {
      if (!bytes.empty()) return broken;
      return slices;
    }
    const std::vector<std::string> words = words_of(line);
    if (words.size() != 4 || words[0] != "repository" || !is_word(words[1], 63) ||
        !is_word(words[2], 64) || !is_word(words[3], 128)) {
      return broken;
    }
    slices.push_back({words[1], words[2], words[3] == "own" ? "" : words[3]});
  }
  return broken;
}

Status check_fits(const std::vector<SliceUse>& slices, const model::Profile& profile,
                  const std::string& task) {
  std::string differs;
  for (const model::Repository& repository : profile.repositories) {
    const auto use = std::find_if(slices.begin(), slices.end(), [&](const SliceUse& each) {
      return each.repository == repository.name;
    });
    if (use == slices.end()) {
      differs = "the repository " + quoted(repository.name) + " is new";
    } else if (use->exposure != exposure_of(repository)) {
      differs = "what it shows of repository " + quoted(repository.name) + " has changed";
    }
  }
  if (differs.empty() && slices.size() != profile.repositories.size()) {
    differs = "it leaves out a repository";
  }
  if (differs.empty()) return Done{};
  return Error{"the profile does not fit the workspace of task " + quoted(task) + " any more: " +
               differs + ". The work in it is kept as it is; to begin anew: carrel task end " +
               quoted(task) + ", or give the profile another name"};
}

Result<std::vector<SliceUse>> slices_of(int workspaces_fd, const std::string& workspace) {
  const std::string path = workspace + "/" + kSlices;
  const UniqueFd list(openat(workspaces_fd, path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!list.valid() && errno == ENOENT) return std::vector<SliceUse>();
  if (!list.valid()) return errno_error("open the slices of workspace " + quoted(workspace));
  ASSIGN_OR_RETURN(const std::string bytes, read_small(list.get()));
  return parse_slices(bytes);
}

Result<Workspace> Workspace::open(int workspaces_fd, const std::string& name,
                                  const std::function<bool()>& gone) {
  Workspace workspace;
  workspace.workspaces_fd_ = workspaces_fd;
  workspace.name_ = name;
  while (true) {
    ASSIGN_OR_RETURN(workspace.folder_, open_or_make(workspaces_fd, name));
    RETURN_IF_ERROR(lock_folder(workspace.folder_.get(), gone));
    if (!is_still_there(workspaces_fd, name, workspace.folder_.get())) continue;
    const UniqueFd list(
        openat(workspace.folder_.get(), kSlices, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (list.valid()) {
      ASSIGN_OR_RETURN(const std::string bytes, read_small(list.get()));
      ASSIGN_OR_RETURN(workspace.slices_, parse_slices(bytes));
      workspace.kept_ = true;
      return workspace;
    }
    if (errno != ENOENT) return errno_error("open the workspace's slices");
    ASSIGN_OR_RETURN(const auto names, names_in_folder(workspace.folder_.get()));
    if (names.empty()) {
      RETURN_IF_ERROR(mark_unfinished(workspace.folder_.get()));
      return workspace;
    }
    if (!has(workspace.folder_.get(), kUnfinished)) {
      return Error{"the folder of workspace " + name +
                       " is not of this version's making; it is left as it is",
                   EEXIST};
    }
    RETURN_IF_ERROR(workspace.discard());
  }
}

Result<bool> Workspace::sweep(int workspaces_fd, const std::string& name) {
  const UniqueFd folder(
      openat(workspaces_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid() && errno == ENOENT) return false;
  if (!folder.valid()) return errno_error("open the workspace's folder " + quoted(name));
  if (flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return false;
  if (has(folder.get(), kSlices) || !has(folder.get(), kUnfinished)) return false;
  if (!is_still_there(workspaces_fd, name, folder.get())) return false;
  RETURN_IF_ERROR(remove_tree(workspaces_fd, name));
  return true;
}

Status Workspace::keep(std::vector<SliceUse> slices) {
  const std::string bytes = format_slices(slices);
  const std::string beside = std::string(kSlices) + ".new";
  (void)unlinkat(folder_.get(), beside.c_str(), 0);
  const UniqueFd file(openat(folder_.get(), beside.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_error("keep the workspace");
  if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      fsync(file.get()) != 0 ||
      renameat(folder_.get(), beside.c_str(), folder_.get(), kSlices) != 0 ||
      fsync(folder_.get()) != 0 || fsync(workspaces_fd_) != 0) {
    return errno_error("keep the workspace");
  }
  (void)unlinkat(folder_.get(), kUnfinished, 0);  // `slices` says enough
  slices_ = std::move(slices);
  kept_ = true;
  return Done{};
}

Status Workspace::discard() {
  if (kept_) return Error{"the workspace is kept", EPERM};
  return remove_tree(workspaces_fd_, name_);
}

}  // namespace carrel::service
