#pragma once
// Walks over every event of a record: lengths, chain of segments, leaves, and the root of each
// seal.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/events/event.h"
#include "broker/record/segments/store.h"
#include "broker/record/verify/findings.h"
#include "broker/record/verify/seals_check.h"

namespace carrel::verify {

struct CheckedEvents {
  uint64_t events = 0;
  uint64_t sealed = 0;         // events under a root that was recomputed and is right
  uint64_t first_real_ns = 0;  // the host's clock at the first and last event
  uint64_t last_real_ns = 0;
  std::optional<events::RecorderEnd> end;  // when it is the last event
  uint64_t loss_events_total = 0;          // records that recorder.loss events declare
  std::string profile_sha256_hex;          // proven to be that of the profile in event 0
  std::string weakness;                    // VerifyReport::weakness
  /// Blob name to whether it must be there (else its absence was explained by the event's note).
  std::map<std::string, bool> blobs;
  Findings findings;
};

CheckedEvents check_events(const segments::RecordReader& reader, std::string_view session,
                           const CheckedSeals& seals);

}  // namespace carrel::verify
