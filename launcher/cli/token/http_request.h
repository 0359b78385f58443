#pragma once
// One HTTP/1.1 request that asks for a token (RFC 7662, 2.1), from bytes, and the answers to it, as
// bytes. No sockets. The only file that knows Boost.Beast is http_request.cc.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace carrel::token {

inline constexpr size_t kMaxHead = size_t{16} << 10;
inline constexpr size_t kMaxForm = size_t{24} << 10;
inline constexpr size_t kMaxToken = size_t{16} << 10;

/// Why a request is refused, with the number of its HTTP status.
enum class Refused : unsigned {
  kBad = 400,
  kMethod = 405,
  kLate = 408,
  kLarge = 413,
  kType = 415,
  kHead = 431,
  kNobody = 503,
};

/// Every answer ends its connection and is never stored.
std::string http_answer(std::string_view json);
/// With a JSON body as OAuth has it (RFC 6749, 5.2), which HEAD has not.
std::string http_refusal(Refused why, bool is_head = false);

class HttpRequest {
 public:
  HttpRequest();
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;
  ~HttpRequest();

  /// Takes bytes of the client's, in their order. False when no more are wanted: there is a token,
  /// or the request is refused.
  bool take(std::string_view bytes);
  /// No more bytes come.
  void end();

  /// Says once that the client waits to be told to send its body (100 Continue).
  bool take_waits();
  [[nodiscard]] std::optional<Refused> refused() const { return refused_; }
  [[nodiscard]] bool is_head() const;
  /// The token, once neither more is wanted nor the request is refused.
  [[nodiscard]] const std::string& token() const { return token_; }

 private:
  struct Parser;
  void look_at_head();
  void look_at_form();
  bool wants_more() const { return !refused_.has_value() && token_.empty(); }

  std::unique_ptr<Parser> parser_;
  std::string pending_;  // not taken by the parser yet
  size_t taken_ = 0;
  bool seen_head_ = false;
  bool waits_ = false;
  std::optional<Refused> refused_;
  std::string token_;
};

/// The value of `token` in a form (application/x-www-form-urlencoded); nothing where it is not
/// there exactly once, empty, or where anything in the form is malformed.
std::optional<std::string> token_of_form(std::string_view form);

}  // namespace carrel::token
