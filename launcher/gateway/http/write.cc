#include "launcher/gateway/http/write.h"

#include <array>
#include <utility>

#include "profiles/base/check.h"

namespace carrel::gateway::http {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 39> kPhrases = {{
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

void append_field(std::string& out, std::string_view name, std::string_view value) {
  // The parsers let no such byte in; a header that ends early would be a second message.
  CHECK(name.find_first_of("\r\n:") == std::string_view::npos);
  CHECK(value.find_first_of("\r\n") == std::string_view::npos);
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_framing(std::string& out, const Body& body) {
  if (body.framing == Framing::kLength)
    append_field(out, "Content-Length", std::to_string(body.length));
  if (body.framing == Framing::kChunked) append_field(out, "Transfer-Encoding", "chunked");
}

void append_connection(std::string& out, bool websocket, bool keep_alive) {
  if (websocket) {
    append_field(out, "Connection", "Upgrade");
    append_field(out, "Upgrade", "websocket");
  } else if (!keep_alive) {
    append_field(out, "Connection", "close");
  }
}

bool expects_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

/// What a head takes at most: so that a string with a lease in it never grows out of a buffer that
/// nobody wipes.
size_t room_for(const RequestToHost& request) {
  size_t room = 512 + request.target.path.size() + request.target.query.size() +
                request.method.size() + request.origin.name.size();
  for (const Header& header : request.headers)
    room += header.name.size() + header.value.size() + 4;
  if (request.injected != nullptr)
    room += request.injected->name.size() + request.injected->value.expose().size() + 4;
  return room;
}

}  // namespace

Secret write_request_head(const RequestToHost& request) {
  CHECK(request.body.framing != Framing::kUntilClose);
  std::string out;
  out.reserve(room_for(request));
  out.append(request.method).append(" ").append(request.target.text()).append(" HTTP/1.1\r\n");
  append_field(out, "Host", request.origin.host());
  for (const Header& header : request.headers) {
    if (request.injected != nullptr && header.name == request.injected->name) continue;
    append_field(out, header.name, header.value);
  }
  if (request.injected != nullptr)
    append_field(out, request.injected->name, request.injected->value.expose());
  append_framing(out, request.body);
  if (request.body.framing == Framing::kNone && expects_body(request.method))
    append_field(out, "Content-Length", "0");
  append_connection(out, request.websocket, request.keep_alive);
  out.append("\r\n");
  return Secret(std::move(out));
}

std::string write_response_head(const ResponseToClient& response) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.append(phrase_of(response.status)).append("\r\n");
  for (const Header& header : response.headers)
    append_field(out, header.name, header.value);
  append_framing(out, response.body);
  if (response.body.framing == Framing::kNone && response.declared_length && response.status >= 200)
    append_field(out, "Content-Length", std::to_string(*response.declared_length));
  append_connection(out, response.websocket,
                    response.keep_alive && response.body.framing != Framing::kUntilClose);
  out.append("\r\n");
  return out;
}

Body client_body(const Body& from_host, bool is_http10) {
  const bool known = from_host.framing == Framing::kNone || from_host.framing == Framing::kLength;
  if (known) return from_host;
  return {is_http10 ? Framing::kUntilClose : Framing::kChunked, 0};
}

std::string_view phrase_of(int status) {
  for (const auto& [number, phrase] : kPhrases) {
    if (number == status) return phrase;
  }
  return "Status";
}

}  // namespace carrel::gateway::http
