#include "launcher/cli/token/http_request.h"

#include <algorithm>
#include <utility>

#include "profiles/base/text.h"
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace carrel::token {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
// Of all bytes that are read, those of chunks' heads and trailers, too.
constexpr size_t kMaxRequest = size_t{64} << 10;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

bool same_word(std::string_view a, std::string_view b) {
  return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

struct Words {
  std::string_view reason;
  std::string_view error;
  std::string_view description;
};

Words words_of(Refused why) {
  switch (why) {
    case Refused::kBad:
      return {"Bad Request", "invalid_request", "a form with exactly one token is expected"};
    case Refused::kMethod:
      return {"Method Not Allowed", "invalid_request", "POST is expected"};
    case Refused::kLate:
      return {"Request Timeout", "invalid_request", "the request took too long"};
    case Refused::kLarge:
      return {"Content Too Large", "invalid_request", "a token has at most 16 KiB"};
    case Refused::kType:
      return {"Unsupported Media Type", "invalid_request",
              "application/x-www-form-urlencoded is expected"};
    case Refused::kHead:
      return {"Request Header Fields Too Large", "invalid_request",
              "the headers have at most 16 KiB"};
    case Refused::kNobody:
      break;
  }
  return {"Service Unavailable", "temporarily_unavailable", "the broker does not answer"};
}

std::string head_of(unsigned status, std::string_view reason, std::string_view more, size_t size) {
  return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(size) +
         "\r\nCache-Control: no-store\r\n" + std::string(more) + "Connection: close\r\n\r\n";
}

Refused refusal_of(const beast::error_code& error) {
  if (error == http::error::header_limit) return Refused::kHead;
  if (error == http::error::body_limit) return Refused::kLarge;
  return Refused::kBad;
}

/// The bytes of a name or a value; nothing where an escape is none.
std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

}  // namespace

std::string http_answer(std::string_view json) {
  return head_of(200, "OK", "", json.size()) + std::string(json);
}

std::string http_refusal(Refused why, bool is_head) {
  const Words words = words_of(why);
  const std::string json = R"({"error":")" + std::string(words.error) +
                           R"(","error_description":")" + std::string(words.description) + "\"}";
  const std::string_view more = why == Refused::kMethod ? "Allow: POST\r\n" : "";
  return head_of(static_cast<unsigned>(why), words.reason, more, json.size()) +
         (is_head ? "" : json);
}

std::optional<std::string> token_of_form(std::string_view form) {
  std::optional<std::string> token;
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const size_t equals = std::min(pair.find('='), pair.size());
    const auto name = unescaped(pair.substr(0, equals));
    auto value = unescaped(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return std::nullopt;
    if (*name != "token") continue;
    if (token.has_value() || value->empty()) return std::nullopt;
    token = std::move(value);
  }
  return token;
}

struct HttpRequest::Parser {
  /// Takes from the front of `bytes` what it can. Nothing where there are only too few.
  beast::error_code take(std::string& bytes) {
    beast::error_code error;
    if (bytes.empty() || beast.is_done()) return error;
    bytes.erase(0, beast.put(boost::asio::buffer(bytes), error));
    return error == http::error::need_more ? beast::error_code() : error;
  }
  http::request_parser<http::string_body> beast;
};

HttpRequest::HttpRequest() : parser_(std::make_unique<Parser>()) {
  // The head is looked at before anything behind it is read: Beast puts the fields behind the last
  // chunk among its own.
  parser_->beast.eager(false);
  parser_->beast.header_limit(kMaxHead);
  parser_->beast.body_limit(kMaxForm);
}

HttpRequest::~HttpRequest() = default;

bool HttpRequest::take(std::string_view bytes) {
  if (!wants_more()) return false;
  taken_ += bytes.size();
  pending_ += bytes;
  beast::error_code error = parser_->take(pending_);
  if (!error && parser_->beast.is_header_done() && !seen_head_) {
    look_at_head();
    parser_->beast.eager(true);
    if (!refused_) error = parser_->take(pending_);
  }
  if (!refused_ && error) refused_ = refusal_of(error);
  if (!refused_ && parser_->beast.is_done()) look_at_form();
  if (wants_more() && taken_ > kMaxRequest) refused_ = Refused::kLarge;
  return wants_more();
}

void HttpRequest::end() {
  if (wants_more()) refused_ = Refused::kBad;
}

void HttpRequest::look_at_head() {
  seen_head_ = true;
  const auto& head = parser_->beast.get();
  const auto type = view(head[http::field::content_type]);
  if (head.method() != http::verb::post) {
    refused_ = Refused::kMethod;
  } else if (!same_word(trimmed(type.substr(0, type.find(';'))), kForm) ||
             head.count(http::field::content_type) != 1 ||
             head.count(http::field::content_encoding) != 0) {
    refused_ = Refused::kType;
  } else {
    waits_ = same_word(trimmed(view(head[http::field::expect])), "100-continue");
  }
}

void HttpRequest::look_at_form() {
  auto token = token_of_form(parser_->beast.get().body());
  if (!token.has_value()) {
    refused_ = Refused::kBad;
  } else if (token->size() > kMaxToken) {
    refused_ = Refused::kLarge;
  } else {
    token_ = std::move(*token);
  }
}

bool HttpRequest::take_waits() {
  return std::exchange(waits_, false) && wants_more();
}

bool HttpRequest::is_head() const {
  return seen_head_ && parser_->beast.get().method() == http::verb::head;
}

}  // namespace carrel::token
