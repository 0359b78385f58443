#pragma once
// What changed in the working trees, as events, with the contents before and after as blobs of the
// record.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "launcher/watch/session/judge.h"
#include "launcher/watch/session/record_link.h"
#include "launcher/watch/session/session_config.h"
#include "launcher/watch/tree/difference.h"

namespace carrel::session {

/// tree::difference in programs.
using Difference = std::function<Result<std::vector<events::FileChanged>>(
    const tree::Tree&, const tree::Limits&, const tree::ContentSink&)>;

class ChangeReport {
 public:
  /// References outlive this. `must_be_left`: bytes of the disk that the manifests lie on, which
  /// contents may not take; what finds no room is in the record without its contents.
  ChangeReport(RecordLink& record, const Judge& judge, const Difference& difference,
               uint64_t must_be_left)
      : record_(record), judge_(judge), difference_(difference), must_be_left_(must_be_left) {}

  /// Compares one tree with its manifest and records every change. Bounds hold over all trees.
  Status add(const RepositoryInput& repository);

 private:
  Status keep(std::string_view sha256, std::string_view content);
  Status wait_stored(std::string_view sha256);
  [[nodiscard]] bool has_room(int manifest_fd, uint64_t bytes) const;

  RecordLink& record_;
  const Judge& judge_;
  const Difference& difference_;
  uint64_t must_be_left_;
  std::set<std::string, std::less<>> kept_;
  uint64_t kept_bytes_ = 0;
};

}  // namespace carrel::session
