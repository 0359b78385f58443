#pragma once
// Bytes as text and back: hex, canonical base64, base64url, and untrusted text made safe to show.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace carrel {

/// Lower-case hexadecimal of the bytes.
std::string to_hex(std::string_view bytes);
/// The bytes of an even-length lower- or upper-case hex string, else nothing.
std::optional<std::string> from_hex(std::string_view text);

/// Standard base64 with padding (RFC 4648 section 4).
std::string to_base64(std::string_view bytes);
/// Strict inverse of to_base64: padding required, no white space, unused trailing bits must be
/// zero, so every byte string has exactly one accepted spelling.
std::optional<std::string> from_base64(std::string_view text);
/// base64url without padding (RFC 4648 section 5; JWS).
std::string to_base64url(std::string_view bytes);
/// Strict inverse of to_base64url: no padding, and unused trailing bits must be zero.
std::optional<std::string> from_base64url(std::string_view text);

/// True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

/// Untrusted bytes for one line of a terminal or log: control bytes, DEL, C1 controls,
/// bidirectional overrides, backslash and malformed UTF-8 become \xNN or \u{NNNN}; everything else
/// is kept.
std::string quoted(std::string_view bytes);

/// The candidate nearest to `word` by edit distance (at most `limit`), or an empty string.
std::string nearest(std::string_view word, const std::string_view* candidates, size_t count,
                    size_t limit = 3);

}  // namespace carrel
