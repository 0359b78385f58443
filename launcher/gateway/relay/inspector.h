#pragma once
// One inspected connection: every request is read whole, decided, written anew and recorded with
// its answer.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/record/evidence/sha256.h"
#include "launcher/gateway/http/body.h"
#include "launcher/gateway/http/denial.h"
#include "launcher/gateway/http/headers.h"
#include "launcher/gateway/http/policy.h"
#include "launcher/gateway/http/write.h"
#include "launcher/gateway/relay/buffer.h"
#include "launcher/gateway/relay/exchange.h"
#include "launcher/gateway/relay/parts.h"
#include "launcher/gateway/relay/stream.h"

namespace carrel::gateway {

/// How it ended, in the record's words.
struct InspectionEnd {
  std::string by;  // "closed", in order; else the sockets are reset
  std::string why;
};

/// The record's word where an answer held a lease.
inline constexpr std::string_view kSecretEchoed = "secret-echoed";

/// Where a request needs a credential that is not there.
inline constexpr std::string_view kNoLease = "no-lease";

/// For a TLS handshake, from the end of the ClientHello or from its beginning.
inline constexpr uint64_t kHandshakeMs = 10'000;

/// "text/html" of "text/html; charset=utf-8"; "" for none.
std::string media_type(const http::Headers& headers);

class Inspector {
 public:
  struct Place {
    const model::Network& network;
    uint64_t flow = 0;
    uint64_t cookie = 0;
    uint16_t port = 0;
  };
  struct Ways {                         // what the connection does for it
    std::function<Task<Wait*>()> dial;  // null: it cannot; `why()` says so
    std::function<std::string()> why;
    std::function<void(Way, uint64_t)> moved;  // so many bytes
    std::function<void(bool)> hello;           // one comes, or has come
    std::function<void(Way)> spent;            // a budget
    std::function<void(bool)> by_grant;        // what is asked now passes by a grant alone
  };
  Inspector(Parts& parts, const Place& place, Wait& client, Ways ways);

  Task<InspectionEnd> run();

 private:
  using Step = Task<bool> (Inspector::*)(Exchange&);
  Task<std::optional<InspectionEnd>> begin();
  Task<std::optional<InspectionEnd>> begin_tls();
  Task<std::optional<InspectionEnd>> one();
  Task<bool> read_request(Exchange& exchange);
  Task<bool> decide(Exchange& exchange);
  Task<bool> reach_server(Exchange& exchange);
  Task<bool> read_front(Exchange& exchange);
  Task<bool> converse(Exchange& exchange);
  Task<> ask(Exchange& exchange);
  Task<> hear(Exchange& exchange);
  Task<bool> read_response(Exchange& exchange);
  Task<bool> send_response(Exchange& exchange);
  Task<bool> send_response_body(Exchange& exchange);
  Task<InspectionEnd> tunnel();
  Task<> one_way(Stream& from, Stream& to, Buffer& rest, Way way);
  /// The first one counts.
  void end_with(std::string by, std::string why);
  Task<bool> deny(Exchange& exchange, const http::Refusal& refusal);
  Task<bool> pass(Stream& to, std::string_view bytes, Way way);
  Task<bool> nothing_left(Way way);
  Task<bool> charge(uint64_t bytes, Way way);
  void tell(const Exchange& exchange);
  [[nodiscard]] const model::Credential* credential() const;
  [[nodiscard]] bool every_granted() const;
  bool pass_by_grant(Exchange& exchange);
  bool may_grow(Exchange& exchange, uint64_t bytes);
  static http::Injection injection(const model::Credential& wanted, const Lease& lease);
  Result<Owned<SSL>> client_end();
  Task<bool> inject(Exchange& exchange);
  static std::optional<http::Refusal> judge_fetch(Exchange& exchange, std::string& body);
  Task<bool> read_body(Exchange& exchange, std::string& body);
  Task<bool> send_head(Exchange& exchange);
  Task<bool> read_fetch(Exchange& exchange);
  Task<bool> read_push(Exchange& exchange);
  Task<bool> send_body(Exchange& exchange);
  Task<bool> send_content(Exchange& exchange, std::string_view content, bool chunked);
  Task<bool> more_of_request(Exchange& exchange, const char* where);
  Task<bool> give_content(Exchange& exchange, std::string_view content, bool chunked);

  Parts& parts_;
  Place place_;
  http::NetworkView view_;
  http::Origin origin_;
  Wait& client_wait_;
  Wait* server_wait_ = nullptr;
  Ways ways_;
  std::unique_ptr<Stream> client_, server_;
  Buffer from_client_, from_server_;
  Turn turn_{uint64_t{256} << 10};  // about a millisecond of TLS
  uint64_t requests_ = 0;
  std::optional<InspectionEnd> end_;
};

}  // namespace carrel::gateway
