#include "broker/service/slices/exposure.h"

#include <algorithm>
#include <array>

namespace carrel::slices {
namespace {

constexpr std::array<std::string_view, 2> kGitFolder = {".git", "git~1"};

template <typename Nodes>
auto find_place(Nodes& nodes, std::string_view name) {
  return std::lower_bound(
      nodes.begin(), nodes.end(), name,
      [](const auto& node, std::string_view wanted) { return node.name < wanted; });
}

}  // namespace

Rules::Rules(const std::vector<RelPath>& read, const std::vector<RelPath>& write,
             const std::vector<RelPath>& never) {
  // In this order: for one path a later list wins over an earlier one.
  for (const RelPath& path : read)
    add(path, State::kBound);
  for (const RelPath& path : write)
    add(path, State::kOrdinary);
  for (const RelPath& path : never)
    add(path, State::kNever);
  (void)settle(root_, false);
}

void Rules::add(const RelPath& path, State kind) {
  Node* node = &root_;
  for (const std::string& part : path.parts()) {
    auto place = find_place(node->below, part);
    if (place == node->below.end() || place->name != part) {
      Node made;
      made.name = part;
      place = node->below.insert(place, std::move(made));
    }
    node = &*place;
  }
  node->path = path;
  node->entry = kind;
}

/// Fills in what depends on the entries above and below; true when a `write` ends here or below.
bool Rules::settle(Node& node, bool hidden) {
  hidden = hidden || node.entry == State::kNever;
  if (hidden) return false;  // nothing below is ever reached
  bool writable = node.entry == State::kOrdinary;
  if (node.entry != State::kNone) {
    node.exposes = true;
    node.required = required_.size();
    required_.push_back(*node.path);
  }
  for (Node& child : node.below) {
    writable = settle(child, hidden) || writable;
    node.exposes = node.exposes || child.exposes;
  }
  if (node.entry == State::kBound && writable) node.entry = State::kOrdinary;
  return writable;
}

Rules::Cursor Rules::root() const {
  Cursor cursor;
  cursor.node_ = &root_;
  return cursor;
}

Rules::Cursor Rules::Cursor::child(std::string_view name) const {
  Cursor next;
  next.state_ = state_;
  if (state_ == State::kNever || node_ == nullptr) return next;
  const auto place = find_place(node_->below, name);
  if (place == node_->below.end() || place->name != name) return next;
  next.node_ = &*place;
  if (place->entry != State::kNone) next.state_ = place->entry;
  next.starts_binding_ = next.state_ == State::kBound && state_ != State::kBound;
  return next;
}

Exposure Rules::Cursor::exposure() const {
  switch (state_) {
    case State::kNever:
      return Exposure::kHidden;
    case State::kBound:
      return Exposure::kReadOnly;
    case State::kOrdinary:
      return Exposure::kWritable;
    case State::kNone:
      break;
  }
  return node_ != nullptr && node_->exposes ? Exposure::kParent : Exposure::kHidden;
}

std::optional<size_t> Rules::Cursor::required() const {
  return node_ == nullptr ? std::nullopt : node_->required;
}

Exposure Rules::exposure_of(const RelPath& path) const {
  Cursor cursor = root();
  for (const std::string& part : path.parts())
    cursor = cursor.child(part);
  return cursor.exposure();
}

bool is_git_folder_name(std::string_view name) {
  for (const std::string_view spelling : kGitFolder) {
    if (name.size() < spelling.size()) continue;
    const bool same =
        std::equal(spelling.begin(), spelling.end(), name.begin(), [](char a, char b) {
          return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
        });
    if (!same) continue;
    std::string_view rest = name.substr(spelling.size());
    rest = rest.substr(0, rest.find_first_of(":\\"));
    if (rest.find_first_not_of(" .") == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace carrel::slices
