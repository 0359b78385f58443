#include "launcher/gateway/relay/flow.h"

#include <utility>

#include "launcher/gateway/relay/granted.h"
#include "profiles/decide/rules.h"
#include "profiles/model/words.h"
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace carrel::gateway {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kDrainMs = 3000;

}  // namespace

Flow::Flow(Parts& parts, Arrival arrival)
    : parts_(parts),
      arrival_(std::move(arrival)),
      client_(parts.loop, std::move(arrival_.socket)),
      began_ns_(now_ns()),
      moved_ns_(began_ns_) {}

Report::Said Flow::said(events::Verdict verdict) const {
  Report::Said out;
  out.verdict = verdict;
  out.rule = network_ != nullptr ? rule_id(*network_) : std::string(decide::kNetworkRule);
  out.cookie = arrival_.cookie;
  return out;
}

/// Whether a rule lets it be; told either way.
bool Flow::open() {
  number_ = parts_.numbers.opened(arrival_.name);
  network_ = rule_for(parts_.profile, arrival_.name, arrival_.port);
  const bool allowed = network_ != nullptr;
  events::NetOpen event{number_, arrival_.name, arrival_.address, arrival_.port, ""};
  if (allowed) event.mode = model::word_of(model::kNetworkModeWords, network_->mode);
  parts_.report.tell(said(allowed ? events::Verdict::kAllowed : events::Verdict::kDenied),
                     std::move(event));
  return allowed;
}

void Flow::cut(std::string by, std::string why) {
  if (by_.empty()) {
    by_ = std::move(by);
    why_ = std::move(why);
  }
  client_.close();
  if (server_ != nullptr) server_->close();
}

void Flow::close_in_order() {
  by_ = "closed";
  if (client_.open()) end_by_reset(client_.fd(), false);
  if (server_ != nullptr && server_->open()) end_by_reset(server_->fd(), false);
  client_.close();
  if (server_ != nullptr) server_->close();
}

Task<bool> Flow::dial() {
  Result<Dialled> dialled = co_await parts_.dialer.dial(parts_.loop, *network_, arrival_.port);
  if (!dialled.ok()) {
    cut("unreachable", to_string(dialled.error()));
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
  const PumpEnd end = co_await pump(
      from, to, allowance,
      {parts_.pipes, parts_.report, [this, way](uint64_t bytes) { moved(way, bytes); }});
  if (end == PumpEnd::kEof) co_return;
  if (end == PumpEnd::kBudget) {
    if (allowance.spent()) tell_spent(way, allowance);
    co_await drain(to, kDrainMs);
    cut("budget", std::string("no byte ") + to_word(way) + " is left of the budget");
    co_return;
  }
  cut("reset");
}

Task<> Flow::relay() {
  using asio::experimental::awaitable_operators::operator&&;
  co_await (one_way(Way::kUp) && one_way(Way::kDown));
  if (by_.empty()) close_in_order();
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
  if (open()) {
    const bool dialled = co_await dial();
    if (dialled) {
      co_await relay();
    }
  } else {
    cut("denied");
  }
  tell_end();
}

}  // namespace carrel::gateway
