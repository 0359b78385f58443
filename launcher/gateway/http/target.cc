#include "launcher/gateway/http/target.h"

#include <optional>

#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";
constexpr std::string_view kSlash = "%2F";

bool is_unreserved(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/// What stands for itself in paths and queries: sub-delims, ":" and "@" (RFC 3986 3.3).
bool is_plain(char c) {
  return is_unreserved(c) || std::string_view("!$&'()*+,=:@").find(c) != std::string_view::npos;
}

void append_escape(std::string& out, unsigned char byte) {
  out += '%';
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

/// The byte behind "%XX" at the front of `rest`, else nothing.
std::optional<unsigned char> escaped_byte(std::string_view rest) {
  if (rest.size() < 3) return std::nullopt;
  const auto high = hex_value(rest[1]);
  const auto low = hex_value(rest[2]);
  if (!high || !low) return std::nullopt;
  return static_cast<unsigned char>(*high * 16 + *low);
}

const Refusal kBadEscape{400, "escape", "the target has a % without two hexadecimal digits"};

/// Unreserved characters as they are, every other byte as an escape.
void append_byte(std::string& out, unsigned char byte) {
  const char c = static_cast<char>(byte);
  if (byte < 0x80 && is_unreserved(c)) {
    out += c;
  } else {
    append_escape(out, byte);
  }
}

const Refusal kBadSlash{400, "path-escaped-slash", "the path has an escaped slash or backslash"};

std::optional<Refusal> check_path_escape(unsigned char byte, EscapedSlash slash) {
  if (byte == '/' && slash == EscapedSlash::kKept) return std::nullopt;
  if (byte < 0x20 || byte == 0x7f)
    return Refusal{400, "path-control", "the path has an escaped control byte"};
  if (byte >= 0x80) return Refusal{400, "path-not-ascii", "the path has bytes that are not ASCII"};
  if (byte == '/' || byte == '\\') return kBadSlash;
  if (byte == ';') return Refusal{400, "path-parameters", "the path has ;parameters"};
  return std::nullopt;
}

std::optional<Refusal> check_path_character(char c) {
  if (c == '\\') return Refusal{400, "path-backslash", "the path has a backslash"};
  if (c == ';') return Refusal{400, "path-parameters", "the path has ;parameters"};
  if (c == '#') return Refusal{400, "fragment", "the target has a fragment"};
  if (c == '/' || is_plain(c)) return std::nullopt;
  return Refusal{400, "path-character", "the path has a character that must be escaped"};
}

std::variant<Refusal, std::string> decode_path(std::string_view text, EscapedSlash slash) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (auto refusal = check_path_character(text[i])) return *refusal;
      out += text[i];
      continue;
    }
    const auto byte = escaped_byte(text.substr(i));
    if (!byte) return kBadEscape;
    if (auto refusal = check_path_escape(*byte, slash)) return *refusal;
    append_byte(out, *byte);
    i += 2;
  }
  return out;
}

/// "%25" before two hex digits: "%252e" is "%2e" to whoever decodes twice.
bool is_doubly_escaped(std::string_view path) {
  for (size_t at = path.find("%25"); at != std::string_view::npos; at = path.find("%25", at + 3)) {
    if (at + 5 <= path.size() && hex_value(path[at + 3]) && hex_value(path[at + 4])) return true;
  }
  return false;
}

/// Components joined anew, without empty ones and dots. Nothing: they lead above the root.
std::optional<std::string> resolve_dots(std::string_view path) {
  std::string out;
  bool is_folder = true;
  while (!path.empty()) {
    path.remove_prefix(1);  // a slash
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    is_folder = part.empty() || part == "." || part == "..";
    if (part == "..") {
      if (out.empty()) return std::nullopt;
      out.resize(out.rfind('/'));
    } else if (!is_folder) {
      out.append("/").append(part);
    }
  }
  if (is_folder) out += '/';
  return out;
}

/// Where an escaped slash stands: both its sides name something, for whoever decodes it.
bool has_good_slashes(std::string_view path) {
  std::string decoded(path);
  for (size_t at = decoded.find(kSlash); at != std::string::npos; at = decoded.find(kSlash, at))
    decoded.replace(at, kSlash.size(), "/");
  return !path.ends_with(kSlash) && resolve_dots(decoded) == decoded;
}

std::optional<Refusal> check_authority(std::string_view text, const Origin& origin) {
  if (text.find('@') != std::string_view::npos)
    return Refusal{400, "user-information", "the URL has a user or password before its host"};
  const size_t colon = text.find(':');
  const bool same_port = colon == std::string_view::npos ||
                         plain_number(text.substr(colon + 1)) == uint64_t{origin.port};
  if (same_port && same_ignoring_case(text.substr(0, colon), origin.name)) return std::nullopt;
  return Refusal{421, "authority",
                 "the request names another host or port than the connection was made to"};
}

std::optional<Refusal> check_method(std::string_view method) {
  if (method != "CONNECT" && method != "TRACE") return std::nullopt;
  return Refusal{405, "method", "the method " + std::string(method) + " passes for nobody"};
}

std::optional<Refusal> check_host(const RequestHead& head, const Origin& origin) {
  if (count_of(head.headers, "host") == 1)
    return check_authority(*value_of(head.headers, "host"), origin);
  return Refusal{400, "host", "a request has exactly one Host"};
}

/// The path and query of a target in absolute form (RFC 9112 3.2.2) to that very host.
std::variant<Refusal, std::string_view> strip_authority(std::string_view target,
                                                        const Origin& origin) {
  const std::string_view scheme = origin.tls ? "https://" : "http://";
  if (!same_ignoring_case(target.substr(0, scheme.size()), scheme)) {
    return Refusal{400, "target",
                   "the target is neither a path nor a URL of this connection's scheme"};
  }
  target.remove_prefix(scheme.size());
  const std::string_view authority = target.substr(0, target.find_first_of("/?#"));
  if (auto refusal = check_authority(authority, origin)) return *refusal;
  return target.substr(authority.size());
}

}  // namespace

std::string Origin::host() const {
  const bool is_own_port = port == (tls ? 443 : 80);
  return is_own_port ? name : name + ":" + std::to_string(port);
}

std::string Target::text() const {
  return has_query ? path + "?" + query : path;
}

bool has_escaped_slash(std::string_view path) {
  return path.find(kSlash) != std::string_view::npos;
}

std::variant<Refusal, std::string> read_path(std::string_view text, EscapedSlash slash) {
  if (text.empty()) return std::string("/");
  if (text[0] != '/') return Refusal{400, "target", "the path does not begin with a slash"};
  auto decoded = decode_path(text, slash);
  if (std::holds_alternative<Refusal>(decoded)) return decoded;
  auto path = resolve_dots(std::get<std::string>(decoded));
  if (!path) return Refusal{400, "path-above-root", "the path has .. that leads above its root"};
  if (is_doubly_escaped(*path))
    return Refusal{400, "path-escaped-twice", "the path has an escape of an escape"};
  if (has_escaped_slash(*path) && !has_good_slashes(*path)) return kBadSlash;
  return std::move(*path);
}

std::variant<Refusal, std::string> read_query(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '#') return Refusal{400, "fragment", "the target has a fragment"};
    if (c == '%') {
      const auto byte = escaped_byte(text.substr(i));
      if (!byte) return kBadEscape;
      if (*byte == 0) return Refusal{400, "query-control", "the query has an escaped NUL"};
      append_byte(out, *byte);
      i += 2;
    } else if (c == '/' || c == '?' || c == ';' || is_plain(c)) {
      out += c;
    } else if (is_visible(c)) {
      append_escape(out, static_cast<unsigned char>(c));
    } else {
      return Refusal{400, "query-control", "the query has a byte that is not visible ASCII"};
    }
  }
  return out;
}

std::variant<Refusal, Target> read_target(const RequestHead& head, const Origin& origin,
                                          EscapedSlash slash) {
  if (auto refusal = check_method(head.method)) return *refusal;
  if (auto refusal = check_host(head, origin)) return *refusal;
  std::string_view rest = head.target;
  if (!rest.starts_with('/')) {
    const auto stripped = strip_authority(rest, origin);
    if (const auto* refusal = std::get_if<Refusal>(&stripped)) return *refusal;
    rest = std::get<std::string_view>(stripped);
  }
  const size_t mark = rest.find('?');
  Target target;
  auto path = read_path(rest.substr(0, mark), slash);
  if (const auto* refusal = std::get_if<Refusal>(&path)) return *refusal;
  target.path = std::move(std::get<std::string>(path));
  if (mark != std::string_view::npos) {
    auto query = read_query(rest.substr(mark + 1));
    if (const auto* refusal = std::get_if<Refusal>(&query)) return *refusal;
    target.has_query = true;
    target.query = std::move(std::get<std::string>(query));
  }
  if (target.text().size() > kMaxTarget)
    return Refusal{414, "long-target", "the request's target has more than 4096 bytes"};
  return target;
}

}  // namespace carrel::gateway::http
