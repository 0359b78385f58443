#include "launcher/gateway/http/head.h"

#include <algorithm>
#include <array>

#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

constexpr size_t kMaxMethod = 20;
constexpr size_t kMaxFieldName = 256;

/// The two lines of a message that every reader must see alike: what was found of them.
struct Announced {
  std::optional<uint64_t> length;
  bool chunked = false;
};

/// A start line and the fields below it.
struct Lines {
  std::string_view start;
  Headers headers;
  size_t size = 0;
};

using CheckStart = std::optional<Refusal> (*)(std::string_view);

std::variant<Refusal, Header> read_field(std::string_view line) {
  if (line[0] == ' ' || line[0] == '\t')
    return Refusal{400, "folded-line", "a header field is continued on a second line"};
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name) || name.size() > kMaxFieldName)
    return Refusal{400, "field-name", "a header field has no name that ends at a colon"};
  return Header{lower_case(name), std::string(trimmed(line.substr(colon + 1)))};
}

/// More bytes than a head may have are refused before its end is seen.
std::variant<NeedMore, Refusal, Lines> wait_or_refuse(size_t have, size_t limit) {
  if (have < limit) return NeedMore{};
  return Refusal{431, "long-head", "the head has more than " + std::to_string(limit) + " bytes"};
}

std::variant<NeedMore, Refusal, Lines> read_lines(std::string_view bytes, size_t limit,
                                                  CheckStart check_start) {
  Lines lines;
  bool first = true;
  const std::string_view within = bytes.substr(0, limit);
  while (true) {
    const auto line = next_line(within.substr(lines.size));
    if (std::holds_alternative<NeedMore>(line)) return wait_or_refuse(bytes.size(), limit);
    if (const auto* refusal = std::get_if<Refusal>(&line)) return *refusal;
    const std::string_view text = std::get<std::string_view>(line);
    lines.size += text.size() + 2;
    if (first) {
      if (auto refusal = check_start(text)) return *refusal;
      lines.start = text;
      first = false;
      continue;
    }
    if (text.empty()) return lines;
    if (lines.headers.size() == kMaxHeaders)
      return Refusal{431, "many-headers", "the head has more than 100 header fields"};
    auto field = read_field(text);
    if (const auto* refusal = std::get_if<Refusal>(&field)) return *refusal;
    lines.headers.push_back(std::move(std::get<Header>(field)));
  }
}

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= kMaxMethod &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::optional<Refusal> check_version(std::string_view version) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
  if (version.starts_with("HTTP/"))
    return Refusal{505, "version", "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return Refusal{400, "start-line", "the first line is none of HTTP/1.1"};
}

std::optional<Refusal> check_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == last) return Refusal{400, "start-line", "the first line is no request"};
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (auto refusal = check_version(line.substr(last + 1))) return refusal;
  if (!is_method(line.substr(0, first)))
    return Refusal{400, "method", "the method is no word of at most 20 capital letters"};
  if (target.size() > kMaxTarget)
    return Refusal{414, "long-target", "the request's target has more than 4096 bytes"};
  if (target.empty() || !std::all_of(target.begin(), target.end(), is_visible))
    return Refusal{400, "target", "the request's target has white space or is not ASCII"};
  return std::nullopt;
}

std::optional<Refusal> check_status_line(std::string_view line) {
  if (auto refusal = check_version(line.substr(0, 8))) return refusal;
  const bool good = line.size() >= 12 && line[8] == ' ' && line[9] >= '1' && line[9] <= '5' &&
                    is_digit(line[10]) && is_digit(line[11]) &&
                    (line.size() == 12 || line[12] == ' ');
  if (good) return std::nullopt;
  return Refusal{400, "start-line", "the first line has no status from 100 to 599"};
}

std::variant<Refusal, Announced> read_announced(const Headers& headers, bool is_http10) {
  Announced found;
  const size_t lengths = count_of(headers, "content-length");
  const size_t encodings = count_of(headers, "transfer-encoding");
  if (lengths > 0 && encodings > 0)
    return Refusal{400, "length-and-encoding",
                   "Content-Length and Transfer-Encoding contradict each other"};
  if (lengths > 1) return Refusal{400, "repeated-length", "Content-Length is there twice"};
  if (lengths == 1) {
    found.length = plain_number(*value_of(headers, "content-length"));
    if (!found.length) return Refusal{400, "length", "Content-Length is no plain number"};
  }
  if (encodings == 0) return found;
  if (is_http10) return Refusal{400, "encoding-in-http10", "HTTP/1.0 has no Transfer-Encoding"};
  if (encodings > 1 || !same_ignoring_case(*value_of(headers, "transfer-encoding"), "chunked"))
    return Refusal{400, "transfer-encoding", "the only Transfer-Encoding is one \"chunked\""};
  found.chunked = true;
  return found;
}

bool closes(const Headers& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const Header& header) {
    return header.name == "connection" && list_has(header.value, "close");
  });
}

Body body_of(const Announced& announced, Framing otherwise) {
  if (announced.chunked) return {Framing::kChunked, 0};
  if (announced.length) return {Framing::kLength, *announced.length};
  return {otherwise, 0};
}

/// What a rule or an inspection looks at must not be there twice, with two meanings.
std::optional<Refusal> check_single(const Headers& headers) {
  for (const std::string_view name : {"content-type", "content-encoding", "expect"}) {
    if (count_of(headers, name) > 1)
      return Refusal{400, "repeated-field", "the field " + std::string(name) + " is there twice"};
  }
  const std::string* expect = value_of(headers, "expect");
  if (expect != nullptr && !same_ignoring_case(*expect, "100-continue"))
    return Refusal{417, "expect", "the only Expect is 100-continue"};
  return std::nullopt;
}

Refusal from_host(Refusal refusal) {
  refusal.status = 502;
  refusal.why = "the host's answer is not taken: " + refusal.why;
  return refusal;
}

bool has_no_body(int status, std::string_view method) {
  return status < 200 || status == 204 || status == 304 || method == "HEAD";
}

std::variant<Refusal, ResponseHead> read_response(Lines lines, const Asked& asked) {
  ResponseHead head;
  head.status = (lines.start[9] - '0') * 100 + (lines.start[10] - '0') * 10 + lines.start[11] - '0';
  const bool is_http10 = lines.start[7] == '0';
  const auto announced = read_announced(lines.headers, is_http10);
  if (const auto* refusal = std::get_if<Refusal>(&announced)) return *refusal;
  const Announced& found = std::get<Announced>(announced);
  if (head.status == 101 && !asked.upgrade)
    return Refusal{400, "upgrade", "it changes the protocol, which nobody asked for"};
  const bool never_body = head.status < 200 || head.status == 204;
  if (never_body && (found.chunked || found.length.value_or(0) > 0))
    return Refusal{400, "body-of-none", "it announces a body where its status has none"};
  head.declared_length = found.length;
  if (!has_no_body(head.status, asked.method)) head.body = body_of(found, Framing::kUntilClose);
  head.keep_alive =
      !is_http10 && !closes(lines.headers) && head.body.framing != Framing::kUntilClose;
  head.headers = std::move(lines.headers);
  head.size = lines.size;
  return head;
}

}  // namespace

const std::string* value_of(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

size_t count_of(const Headers& headers, std::string_view name) {
  return static_cast<size_t>(std::count_if(
      headers.begin(), headers.end(), [&](const Header& header) { return header.name == name; }));
}

void drop_fields(Headers& headers, std::string_view name) {
  std::erase_if(headers, [&](const Header& header) { return header.name == name; });
}

std::variant<NeedMore, Refusal, RequestHead> read_request_head(std::string_view bytes) {
  auto read = read_lines(bytes, kMaxRequestHead, check_request_line);
  if (std::holds_alternative<NeedMore>(read)) return NeedMore{};
  if (const auto* refusal = std::get_if<Refusal>(&read)) return *refusal;
  Lines& lines = std::get<Lines>(read);
  const size_t first = lines.start.find(' ');
  const size_t last = lines.start.rfind(' ');
  RequestHead head;
  head.method = lines.start.substr(0, first);
  head.target = lines.start.substr(first + 1, last - first - 1);
  head.is_http10 = lines.start.ends_with("HTTP/1.0");
  if (auto refusal = check_single(lines.headers)) return *refusal;
  const auto announced = read_announced(lines.headers, head.is_http10);
  if (const auto* refusal = std::get_if<Refusal>(&announced)) return *refusal;
  head.body = body_of(std::get<Announced>(announced), Framing::kNone);
  head.keep_alive = !head.is_http10 && !closes(lines.headers);
  head.expects_continue = !head.is_http10 && value_of(lines.headers, "expect") != nullptr;
  head.headers = std::move(lines.headers);
  head.size = lines.size;
  return head;
}

std::variant<NeedMore, Refusal, ResponseHead> read_response_head(std::string_view bytes,
                                                                 const Asked& asked) {
  auto read = read_lines(bytes, kMaxResponseHead, check_status_line);
  if (std::holds_alternative<NeedMore>(read)) return NeedMore{};
  if (const auto* refusal = std::get_if<Refusal>(&read)) return from_host(*refusal);
  auto response = read_response(std::move(std::get<Lines>(read)), asked);
  if (const auto* refusal = std::get_if<Refusal>(&response)) return from_host(*refusal);
  return std::move(std::get<ResponseHead>(response));
}

}  // namespace carrel::gateway::http
