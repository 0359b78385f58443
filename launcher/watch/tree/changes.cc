#include "launcher/watch/tree/changes.h"

#include <algorithm>

namespace carrel::tree {

void add_note(events::FileChanged& change, std::string_view note) {
  if (change.note.find(note) != std::string::npos) return;
  if (!change.note.empty()) change.note += "; ";
  change.note += note;
}

bool Changes::has_room() {
  refused_ = refused_ || list_.size() >= max_changes_ || name_bytes_ >= kMaxNameBytes;
  return !refused_;
}

void Changes::add(events::FileChanged change) {
  change.path = change.path.empty() ? root_ : root_ + "/" + change.path;
  name_bytes_ += change.path.size();
  list_.push_back(std::move(change));
}

std::vector<events::FileChanged> Changes::finish() {
  if (refused_) {
    events::FileChanged rest;
    rest.change = "modified";
    rest.before_mode = rest.after_mode = kFolderMode;
    rest.note = name_bytes_ >= kMaxNameBytes
                    ? "not looked at: the names of what changed take more than 128 MiB"
                    : "not looked at: more than " + std::to_string(max_changes_) + " changes";
    add(std::move(rest));
  }
  std::stable_sort(list_.begin(), list_.end(),
                   [](const auto& a, const auto& b) { return a.path < b.path; });
  return std::move(list_);
}

}  // namespace carrel::tree
