#pragma once
// The three facts of a payload that its leaf repeats, read without decoding the rest.

#include <cstdint>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::events {

struct PayloadHead {
  uint32_t verdict = 0;
  std::string_view rule;  // into the payload
  uint32_t actor = 0;     // process.id, 0 without a process
};

/// Reads protobuf fields 1 (verdict), 2 (rule) and 4.1 (process.id), which stand in front in the
/// one spelling that encode_payload() writes. Whatever comes after field 4 is not looked at.
Result<PayloadHead> read_payload_head(std::string_view payload);

}  // namespace carrel::events
