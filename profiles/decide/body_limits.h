#pragma once
// How long a body an http rule lets pass: one answer for the gateway, which holds to it, and for
// the comparison of profiles. Bytes. Pure.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "profiles/model/profile.h"

namespace carrel::decide {

/// What a rule lets pass without max_body: of methods that have a body, of a fetch and of a push.
inline constexpr uint64_t kDefaultBody = uint64_t{64} * 1024;
inline constexpr uint64_t kFetchBody = uint64_t{1024} * 1024;
inline constexpr uint64_t kPushBody = uint64_t{16} * 1024 * 1024;

/// The most that max_body can say (profiles/parse).
inline constexpr uint64_t kMostBody = uint64_t{1} << 50;

/// The methods that pass where a table has no http rules.
inline constexpr std::array<std::string_view, 7> kOrdinaryMethods = {
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"};

/// Of a plain rule's requests with that method: max_body; without it none for DELETE, GET, HEAD and
/// OPTIONS, kDefaultBody for others.
uint64_t body_limit(std::optional<uint64_t> max_body, std::string_view method);
/// Of a fetch: at most kFetchBody, whatever its rule says.
uint64_t fetch_body_limit(std::optional<uint64_t> max_body);
/// Of a push: what its rule says.
uint64_t push_body_limit(std::optional<uint64_t> max_body);

/// The rule that a table without any has.
model::HttpRule every_request();
/// The rule that a grant of every request is: the same methods, with bodies as long as a profile
/// can let any pass, and escaped slashes. No websocket, whose bytes nobody reads.
model::HttpRule granted_request();

}  // namespace carrel::decide
