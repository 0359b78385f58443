#pragma once
// What a fetch says to the host: the body of POST git-upload-pack (gitprotocol-v2(5),
// gitprotocol-pack(5)), whole, before any byte of it passes. It is read as the host will read it,
// and every line that is not known is refused: each would be a way out for bytes. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxHaves = 4096;       // 20 bytes each that the client may choose
inline constexpr size_t kMaxOtherLines = 4096;  // wants, prefixes, shallow commits, …
inline constexpr size_t kMaxFreeText = size_t{8} * 1024;  // of agents, prefixes, filters together

/// For the record.
struct FetchSummary {
  std::string_view command;  // "ls-refs", "fetch", or "" for an empty request
  size_t wants = 0;
  size_t haves = 0;
  bool operator==(const FetchSummary&) const = default;
};

/// `version` as git_version() gives it. Version 2: one request, ls-refs or fetch; object-info and
/// bundle-uri are denied, and packfile-uris, which sends the client elsewhere for its objects.
/// Reasons: "git-packet", "git-command", "git-line", "git-haves", "git-text".
std::variant<Refusal, FetchSummary> judge_fetch(std::string_view body, int version);

}  // namespace carrel::gateway::http
