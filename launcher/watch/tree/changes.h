#pragma once
// The list that a difference fills: bounded, and never shortened without saying so.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"

namespace carrel::tree {

inline constexpr std::string_view kDisplaced = "displaced bind";
inline constexpr std::string_view kLarge = "larger than 64 MiB";
inline constexpr std::string_view kNotRegular = "not a regular file";
inline constexpr uint32_t kFolderMode = 0040000;
inline constexpr uint64_t kMaxNameBytes = uint64_t{128} << 20;  // of all changes' paths

/// Adds a note to those already there ("a; b"), each once.
void add_note(events::FileChanged& change, std::string_view note);

class Changes {
 public:
  Changes(std::string root, uint64_t max_changes)
      : root_(std::move(root)), max_changes_(max_changes) {}

  /// True while another change fits. Ask before looking at anything: a "no" is remembered, and
  /// finish() says that something was not looked at.
  bool has_room();
  /// `change.path` is relative; "" is the tree itself.
  void add(events::FileChanged change);
  /// Everything, sorted by path.
  std::vector<events::FileChanged> finish();

 private:
  std::string root_;
  uint64_t max_changes_;
  uint64_t name_bytes_ = 0;
  bool refused_ = false;
  std::vector<events::FileChanged> list_;
};

}  // namespace carrel::tree
