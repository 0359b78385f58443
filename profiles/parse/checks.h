#pragma once
// What every single value of a profile must satisfy, wherever it comes from: TOML or canonical
// bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profiles/model/profile.h"
#include "profiles/parse/problems.h"

namespace carrel::parse {

/// Nothing when the text is good, else what is wrong and what to do, to follow the key's name.
using Complaint = std::optional<std::string>;
using TextCheck = Complaint (*)(std::string_view text);

Complaint check_name(std::string_view text);       // [a-z0-9][a-z0-9-]{0,62}
Complaint check_summary(std::string_view text);    // one line, at most 500 bytes
Complaint check_statement(std::string_view text);  // line feeds allowed, at most 4 KiB
Complaint check_source(std::string_view text);     // a path; the only one where ".." may stand
Complaint check_ref(std::string_view text);        // a branch, tag, full ref or commit id
Complaint check_audience(std::string_view text);   // no white space, at most 1 KiB
Complaint check_path(std::string_view text);       // an entry of read, write or never

Complaint check_country(std::string_view text);      // two letters, A to Z
Complaint check_file(std::string_view text);         // a path below the profile's folder
Complaint check_zone(std::string_view text);         // "Europe/Berlin"
Complaint check_submit_refs(std::string_view text);  // full, may hold {task} and end in /*
Complaint check_host(std::string_view text);         // a DNS name in lower case, no address
Complaint check_method(std::string_view text);       // an HTTP method, A to Z
Complaint check_http_path(std::string_view text);    // "/a/*/b", "/a/**"
Complaint check_from(std::string_view text);         // "secret:NAME" or "ca:NAME"
Complaint check_addresses(std::string_view text);    // a private, shared or documentation network
Complaint check_preset(std::string_view text);       // "git-fetch" or "git-push"
Complaint check_git_path(std::string_view text);     // "/acme/widgets", without ".git"
Complaint check_ref_pattern(std::string_view text);  // "refs/heads/contrib/*"
Complaint check_header(std::string_view text);       // one that a client may send
Complaint check_inject(std::string_view text);       // "bearer", "basic" or a header's name
Complaint check_user(std::string_view text);         // of RFC 7617: no colon
Complaint check_root(std::string_view text);         // of a toolchain
Complaint check_package(std::string_view text);      // a Debian package's name
Complaint check_reason(std::string_view text);       // one line, at most 500 bytes
Complaint check_widen_of(std::string_view text);     // "PARENT:RULE"

inline constexpr uint64_t kMaxVersion = (uint64_t{1} << 53) - 1;
inline constexpr uint64_t kMaxDurationSeconds = uint64_t{30} * 86400;
inline constexpr uint64_t kMinTtlSeconds = 1;
/// A token or a file can be copied out of the workspace: it is short-lived.
inline constexpr uint64_t kMaxCopiedTtlSeconds = 600;
/// Other credentials stay outside.
inline constexpr uint64_t kMaxTtlSeconds = 3600;
inline constexpr uint64_t kMaxKeptSeconds = uint64_t{100} * 365 * 86400;
inline constexpr uint64_t kMaxTransferBytes = uint64_t{1} << 50;
inline constexpr uint64_t kMinMemoryBytes = uint64_t{16} << 20;
inline constexpr uint64_t kMaxMemoryBytes = uint64_t{16} << 40;
inline constexpr uint64_t kMinDiskBytes = uint64_t{16} << 20;
inline constexpr uint64_t kMaxDiskBytes = uint64_t{64} << 40;
inline constexpr uint64_t kMinTmpfsBytes = uint64_t{1} << 20;

/// What two values together must satisfy: names given once, each path in one place, nothing granted
/// at or below a `never`, no read and write entries of one repository below each other, credentials
/// that are named are there, totals. Of a part (a file that is only extended) names need not exist.
void check_together(const model::Profile& profile, bool part, Problems& problems);

}  // namespace carrel::parse
