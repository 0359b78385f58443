// Policy: a profile prepared so that one event costs a few binary searches.

#include <algorithm>

#include "profiles/decide/decide.h"

namespace carrel::decide {
namespace {

constexpr std::string_view kWorkspaces = "/workspaces/";

void add_entries(Policy::Slice& slice, const std::vector<model::PathEntry>& entries,
                 Policy::Kind kind, std::string_view key) {
  for (const model::PathEntry& entry : entries) {
    const std::string path = entry.path.text();
    slice.entries.push_back({path, kind, slice.rule + "." + std::string(key) + "." + path});
  }
}

/// Orders an entry against the text `folder` + "/" without building it.
bool is_before_children(const Policy::Entry& entry, std::string_view folder) {
  const std::string_view path = entry.path;
  const int order = path.substr(0, folder.size()).compare(folder);
  if (order != 0) return order < 0;
  return path.size() == folder.size() ||
         static_cast<unsigned char>(path[folder.size()]) < static_cast<unsigned char>('/');
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

Policy::Policy(const model::Profile& profile) {
  for (const model::Repository& repository : profile.repositories) {
    Slice slice;
    slice.root = std::string(kWorkspaces) + repository.name;
    slice.rule = "repository." + repository.name;
    add_entries(slice, repository.read, Kind::kRead, "read");
    add_entries(slice, repository.write, Kind::kWrite, "write");
    add_entries(slice, repository.never, Kind::kNever, "never");
    std::sort(slice.entries.begin(), slice.entries.end(),
              [](const Entry& a, const Entry& b) { return a.path < b.path; });
    slices_.push_back(std::move(slice));
  }
  std::sort(slices_.begin(), slices_.end(),
            [](const Slice& a, const Slice& b) { return a.root < b.root; });
  for (const model::Forward& forward : profile.forwards)
    forwards_.push_back({forward.port, "forward." + std::to_string(forward.port)});
}

const std::string* Policy::forward_to(uint32_t port) const {
  for (const Forward& forward : forwards_) {
    if (forward.port == port) return &forward.rule;
  }
  return nullptr;
}

const Policy::Slice* Policy::slice_of(std::string_view path) const {
  if (!path.starts_with(kWorkspaces)) return nullptr;
  const std::string_view root = path.substr(0, path.find('/', kWorkspaces.size()));
  const auto found =
      std::lower_bound(slices_.begin(), slices_.end(), root,
                       [](const Slice& slice, std::string_view text) { return slice.root < text; });
  return found != slices_.end() && found->root == root ? &*found : nullptr;
}

const Policy::Entry* Policy::Slice::covering(std::string_view relative) const {
  while (!relative.empty()) {
    const auto found = std::lower_bound(
        entries.begin(), entries.end(), relative,
        [](const Entry& entry, std::string_view text) { return entry.path < text; });
    if (found != entries.end() && found->path == relative) return &*found;
    const size_t slash = relative.rfind('/');
    relative = slash == std::string_view::npos ? "" : relative.substr(0, slash);
  }
  return nullptr;
}

bool Policy::Slice::is_parent(std::string_view relative) const {
  if (relative.empty()) return true;
  auto entry = std::lower_bound(entries.begin(), entries.end(), relative, is_before_children);
  for (; entry != entries.end() && is_below(entry->path, relative); ++entry) {
    if (entry->kind != Kind::kNever) return true;
  }
  return false;
}

}  // namespace carrel::decide
