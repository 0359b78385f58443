#include "launcher/gateway/relay/flow.h"

#include <sys/socket.h>

#include <utility>

#include "launcher/gateway/http/policy.h"
#include "launcher/gateway/relay/inspector.h"
#include "launcher/gateway/relay/stream.h"
#include "profiles/decide/network.h"
#include "profiles/model/words.h"
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace carrel::gateway {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kDrainMs = 3000;
/// For a peer to take what its kernel has acknowledged, before a reset may hide it.
constexpr uint64_t kGraceMs = 200;
constexpr uint64_t kHelloNs = 5'000'000'000;  // of a ClientHello from its first byte to its last

/// Why a hello is not let through to that name unread; nothing where it is.
std::optional<HelloRefusal> hello_refusal(const ClientHelloReader::State& state,
                                          const std::string& name) {
  if (const auto* refused = std::get_if<HelloRefusal>(&state)) return *refused;
  const PassthroughCheck check = check_passthrough(std::get<ClientHello>(state), name);
  const auto* refused = std::get_if<HelloRefusal>(&check);
  return refused == nullptr ? std::nullopt : std::optional<HelloRefusal>(*refused);
}

std::string spent_words(Way way) {
  return std::string("no byte ") + to_word(way) + " is left of the budget";
}

}  // namespace

/// How a connection of that rule is carried.
Flow::Mode Flow::mode_of(const model::Network& network) {
  if (network.mode == model::NetworkMode::kInspect) return &Flow::inspect;
  if (network.mode == model::NetworkMode::kPassthrough) return &Flow::pass_through;
  return &Flow::relay_unread;
}

Flow::Flow(Parts& parts, Arrival arrival)
    : parts_(parts),
      arrival_(std::move(arrival)),
      client_(parts.loop, std::move(arrival_.socket)),
      began_ns_(now_ns()),
      moved_ns_(began_ns_) {}

Report::Said Flow::said(events::Verdict verdict) const {
  Report::Said out;
  out.verdict = verdict;
  out.rule = rule_;
  out.cookie = arrival_.cookie;
  return out;
}

/// Whether a rule lets it be; told either way.
bool Flow::open() {
  number_ = parts_.numbers.opened(arrival_.name);
  const decide::NetworkDecision decision =
      decide::decide_flow(parts_.profile, arrival_.name, arrival_.port, parts_.grants.list());
  const bool allowed = decision.verdict == decide::Verdict::kAllowed;
  rule_ = decision.rule;
  if (allowed && parts_.grants.holds(decision.network)) granted_ = *decision.network;
  if (allowed) network_ = granted_.has_value() ? &*granted_ : decision.network;
  if (allowed) count();
  events::NetOpen event{number_, arrival_.name, arrival_.address, arrival_.port, ""};
  if (allowed) event.mode = model::word_of(model::kNetworkModeWords, network_->mode);
  parts_.report.tell(said(allowed ? events::Verdict::kAllowed : events::Verdict::kDenied),
                     std::move(event));
  return allowed;
}

/// What it moves is looked at, and where nobody reads its requests, when it came.
void Flow::count() {
  counted_ = &parts_.anomalies.moved(network_->host, http::only_reads(*network_));
  if (network_->mode != model::NetworkMode::kInspect) {
    parts_.anomalies.asked(network_->host, began_ns_);
  }
}

void Flow::give_reason(std::string by, std::string why) {
  if (!by_.empty()) return;
  by_ = std::move(by);
  why_ = std::move(why);
}

void Flow::cut(std::string by, std::string why) {
  give_reason(std::move(by), std::move(why));
  cut_ = true;
  // As Stream::spoil(), for who is in the midst of an answer: as much of it as goes at once.
  if (reads_tls_ && down_ > 0 && client_.open()) {
    (void)send(client_.fd(), kNoRecord.data(), kNoRecord.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  client_.close();
  if (server_ != nullptr) server_->close();
}

void Flow::check_grant() {
  const bool whole = !granted_.has_value() || parts_.grants.grants(*granted_);
  const bool request = !by_grant_ || decide::passes_every_request(parts_.grants.list(),
                                                                  arrival_.name, arrival_.port);
  if (!ended_ && !(whole && request)) cut("grant", "what was granted for a while has ended");
}

/// Its destination is then none any more that only reads.
void Flow::pass_by_grant(bool is) {
  by_grant_ = is;
  if (is) parts_.anomalies.moved(network_->host, false);
}

void Flow::close_in_order() {
  by_ = "closed";
  if (client_.open()) end_by_reset(client_.fd(), false);
  if (server_ != nullptr && server_->open()) end_by_reset(server_->fd(), false);
  client_.close();
  if (server_ != nullptr) server_->close();
}

Task<bool> Flow::dial() {
  const bool dialled = co_await dial_for_inspector();
  if (!dialled) cut("unreachable", unreachable_);
  co_return dialled;
}

/// The client is told by whoever reads with it: nothing is cut here.
Task<bool> Flow::dial_for_inspector() {
  Result<Dialled> dialled = co_await parts_.dialer.dial(parts_.loop, *network_, arrival_.port);
  if (!dialled.ok()) {
    unreachable_ = to_string(dialled.error());
    co_return false;
  }
  if (!client_.open()) co_return false;  // cut meanwhile
  Dialled made = dialled.take();
  upstream_ = std::move(made.upstream);
  server_ = std::make_unique<Wait>(parts_.loop, std::move(made.socket));
  co_return true;
}

void Flow::tell_spent(Way way, const Allowance& allowance) {
  parts_.report.tell(said(events::Verdict::kDenied),
                     events::NetBudget{"spent", network_->host, to_word(way),
                                       allowance.limit().value_or(0), allowance.used(), number_});
}

void Flow::moved(Way way, uint64_t bytes) {
  (way == Way::kUp ? up_ : down_) += bytes;
  (way == Way::kUp ? counted_->up : counted_->down) += bytes;
  moved_ns_ = now_ns();
  Allowance& allowance = parts_.budgets.of(*network_, way);
  if (!allowance.near()) return;
  parts_.report.tell(said(events::Verdict::kObserved),
                     events::NetBudget{"near", network_->host, to_word(way),
                                       allowance.limit().value_or(0), allowance.used(), number_});
}

Task<> Flow::one_way(Way way) {
  Wait& from = way == Way::kUp ? client_ : *server_;
  Wait& to = way == Way::kUp ? *server_ : client_;
  Allowance& allowance = parts_.budgets.of(*network_, way);
  const PumpTools tools{parts_.pipes, parts_.report,
                        [this, way](uint64_t bytes) { moved(way, bytes); }};
  const PumpEnd end = co_await pump(from, to, allowance, tools);
  if (end == PumpEnd::kEof) co_return;
  if (end == PumpEnd::kBudget) {
    if (allowance.spent()) tell_spent(way, allowance);
    give_reason("budget", spent_words(way));  // whatever ends it while its last bytes leave
    co_await drain(to, kDrainMs);
    co_await sleep_ms(kGraceMs);
    cut("budget");
    co_return;
  }
  cut("reset");
}

/// What was read already goes first.
Task<bool> Flow::send_first(const std::string& first) {
  Stream server(*server_, "");
  Allowance& allowance = parts_.budgets.of(*network_, Way::kUp);
  const uint64_t granted = allowance.take(first.size());
  const bool sent = co_await server.write(std::string_view(first).substr(0, granted));
  moved(Way::kUp, granted);
  if (sent && granted == first.size()) co_return true;
  if (sent && allowance.spent()) tell_spent(Way::kUp, allowance);
  if (sent) {
    give_reason("budget", spent_words(Way::kUp));
    co_await drain(*server_, kDrainMs);
    co_await sleep_ms(kGraceMs);
  }
  cut("reset");
  co_return false;
}

Task<> Flow::relay(const std::string& first) {
  const bool begun = co_await send_first(first);
  if (!begun) co_return;
  using asio::experimental::awaitable_operators::operator&&;
  co_await (one_way(Way::kUp) && one_way(Way::kDown));
  if (by_.empty()) close_in_order();
}

Task<> Flow::relay_unread() {
  const bool dialled = co_await dial();
  if (dialled) {
    const std::string nothing;
    co_await relay(nothing);
  }
}

/// TLS that nobody opens: the name in its first bytes is the one that was dialled.
Task<> Flow::pass_through() {
  std::string first;
  const bool good = co_await check_hello(first);
  if (!good) co_return;
  const bool dialled = co_await dial();
  if (dialled) {
    co_await relay(first);
  }
}

Task<bool> Flow::check_hello(std::string& first) {
  Stream plain(client_, "");
  ClientHelloReader reader;
  deadline_ns_ = now_ns() + kHelloNs;
  while (std::holds_alternative<ClientHelloReader::NeedMore>(reader.state())) {
    std::string more;
    const int got = co_await plain.read(more);
    if (got <= 0) {
      cut(got == 0 ? "closed" : "reset", "no ClientHello came");
      co_return false;
    }
    reader.add(more);
  }
  deadline_ns_ = 0;
  const auto refused = hello_refusal(reader.state(), network_->host);
  tell_hello(reader.state(), refused);
  if (refused.has_value()) {
    cut("protocol", refused->sentence);
    co_return false;
  }
  first = reader.bytes();
  co_return true;
}

void Flow::tell_hello(const ClientHelloReader::State& state,
                      const std::optional<HelloRefusal>& refused) {
  events::TlsHello told;
  told.flow = number_;
  if (const auto* hello = std::get_if<ClientHello>(&state)) {
    told.sni = hello->sni;
    told.alpn = hello->alpn;
    told.fingerprint = hello->fingerprint;
  }
  if (refused.has_value()) told.why = refused->reason;
  parts_.report.tell(
      said(refused.has_value() ? events::Verdict::kDenied : events::Verdict::kAllowed),
      std::move(told));
}

Task<> Flow::inspect() {
  Inspector::Ways way;
  way.dial = [this]() -> Task<Wait*> {
    const bool dialled = co_await dial_for_inspector();
    co_return dialled ? server_.get() : nullptr;
  };
  way.why = [this] { return unreachable_; };
  way.hello = [this](bool comes) {
    reads_tls_ = true;
    deadline_ns_ = comes ? now_ns() + kHelloNs : 0;
  };
  way.by_grant = [this](bool is) { pass_by_grant(is); };
  way.moved = [this](Way which, uint64_t bytes) { moved(which, bytes); };
  way.spent = [this](Way which) {
    Allowance& allowance = parts_.budgets.of(*network_, which);
    if (allowance.spent()) tell_spent(which, allowance);
    give_reason("budget", spent_words(which));
  };
  Inspector inspector(parts_, {*network_, number_, arrival_.cookie, arrival_.port}, client_,
                      std::move(way));
  const InspectionEnd end = co_await inspector.run();
  if (cut_) co_return;  // meanwhile
  if (end.by == "closed") {
    why_ = end.why;
    close_in_order();
  } else {
    cut(end.by, end.why);
  }
}

void Flow::tell_end() {
  ended_ = true;
  if (network_ == nullptr) return;
  const uint64_t ms = (now_ns() - began_ns_) / kNsPerMs;
  parts_.report.tell(
      said(events::Verdict::kObserved),
      events::NetClose{number_, arrival_.name, upstream_, up_, down_, by_, why_, ms});
}

Task<> Flow::run() {
  const auto self = shared_from_this();  // until the end has been told
  co_await parts_.report.room();
  if (!open()) {
    cut("denied");
  } else {
    const Mode mode = mode_of(*network_);
    co_await (this->*mode)();
  }
  tell_end();
}

}  // namespace carrel::gateway
