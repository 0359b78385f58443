#pragma once
// Names of hosts as rules and flows have them. Pure.

#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::gateway {

/// The one form that is compared and kept: lower case, without a dot at the end, letters, digits
/// and hyphens only (RFC 952, 1123; internationalised names as A-labels, RFC 5890), at most 253
/// bytes in labels of 1 to 63 (RFC 1035 2.3.4). EINVAL otherwise, also for what could be read as an
/// address: a last label of digits alone or of the form 0x… (RFC 3696 2, inet_aton(3)).
Result<std::string> canonical_name(std::string_view text);

}  // namespace carrel::gateway
