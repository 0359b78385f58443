#pragma once
// Whether the disk of the state folder has room for what running workspaces write into their
// images. An image is sparse: on a full host ext4 in it loses what it had promised to keep
// (docs/storage.md), so what writes is held before that.

#include <cstdint>
#include <optional>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::service {

/// What a host's disk has to give.
struct HostRoom {
  uint64_t free_bytes = 0;
  /// What lies in memory and waits to be written, on the whole host: some of it, and at worst all,
  /// will take of what is free, whoever is held.
  uint64_t unwritten_bytes = 0;

  [[nodiscard]] uint64_t left() const {
    return free_bytes > unwritten_bytes ? free_bytes - unwritten_bytes : 0;
  }
};

/// Reads statfs(2) of a folder on it, and "Dirty" and "Writeback" of /proc/meminfo (proc(5)).
Result<HostRoom> look_at_host(int folder_fd);
/// The sum of the two in the text of /proc/meminfo, in bytes; lines that are not there count 0.
/// Pure.
uint64_t unwritten_in(std::string_view meminfo);

/// Decides. Pure.
class HostWatch {
 public:
  /// `mark_bytes` must be left; 0: nobody is ever held.
  explicit HostWatch(uint64_t mark_bytes) : mark_bytes_(mark_bytes) {}

  /// Takes one look's answer. Low begins below the mark and ends above release_bytes(), so that it
  /// does not come and go.
  void take(const HostRoom& room);
  /// Nothing runs that could write.
  void rest();
  [[nodiscard]] bool is_on() const { return mark_bytes_ != 0; }
  [[nodiscard]] bool low() const { return low_; }
  [[nodiscard]] uint64_t left_bytes() const { return left_bytes_; }
  [[nodiscard]] uint64_t mark_bytes() const { return mark_bytes_; }
  [[nodiscard]] uint64_t release_bytes() const { return mark_bytes_ + mark_bytes_ / 4; }
  /// How long to wait for the next look: the less there is left the sooner.
  [[nodiscard]] uint64_t look_again_ms() const;

 private:
  uint64_t mark_bytes_;
  uint64_t left_bytes_ = UINT64_MAX;
  bool low_ = false;
};

}  // namespace carrel::service
