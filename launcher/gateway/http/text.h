#pragma once
// The small parts that messages of HTTP/1.1 are made of (RFC 9110 5.6, RFC 9112 2.2). Pure.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

/// tchar, RFC 9110 5.6.2.
bool is_token_character(char c);
bool is_token(std::string_view text);
/// Printable ASCII without the space.
bool is_visible(char c);
bool is_digit(char c);
/// The value of a hexadecimal digit of either case, else nothing.
std::optional<int> hex_value(char c);

/// ASCII letters only.
std::string lower_case(std::string_view text);
bool same_ignoring_case(std::string_view a, std::string_view b);
/// Without spaces and tabs at both ends (OWS, RFC 9110 5.6.3).
std::string_view trimmed(std::string_view text);
/// Whether a comma-separated list has this member, whatever its case.
bool list_has(std::string_view list, std::string_view member);

/// A decimal number as every reader takes it: digits only, no sign, no zero before another digit,
/// at most 18 digits.
std::optional<uint64_t> plain_number(std::string_view text);

/// The first line of `rest`, without its CRLF (which counts 2 more). Refused: a CR or an LF alone,
/// and every control byte but the tab.
std::variant<NeedMore, Refusal, std::string_view> next_line(std::string_view rest);

}  // namespace carrel::gateway::http
