#include "launcher/watch/session/gateway_port.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "profiles/decide/rules.h"

namespace carrel::session {
namespace {

using protocol::Type;

struct IsGateways {
  bool operator()(const events::DnsQuery&) const { return true; }
  bool operator()(const events::NetOpen&) const { return true; }
  bool operator()(const events::NetClose&) const { return true; }
  bool operator()(const events::NetRefused&) const { return true; }
  bool operator()(const events::NetBudget&) const { return true; }
  bool operator()(const events::NetAnomaly&) const { return true; }
  bool operator()(const events::TlsHello&) const { return true; }
  bool operator()(const events::HttpRequest&) const { return true; }
  template <typename Other>
  bool operator()(const Other&) const {
    return false;
  }
};

/// What becomes of gateways is not theirs to tell.
bool is_ours(const events::Data& data) {
  const auto* anomaly = std::get_if<events::NetAnomaly>(&data);
  return anomaly != nullptr && anomaly->what.starts_with("gateway-");
}

bool is_networks(const std::string& rule) {
  return rule.empty() || rule == decide::kNetworkRule || rule.starts_with("network.");
}

}  // namespace

Result<NetworkEvent> read_network_event(const protocol::GatewayEvent& message, uint64_t last_ns,
                                        uint64_t now_ns) {
  if (message.code() > UINT16_MAX) return Error{"the gateway told of no event", EPROTO};
  NetworkEvent told;
  ASSIGN_OR_RETURN(
      told.event, events::decode_payload(static_cast<uint16_t>(message.code()), message.payload()));
  if (!std::visit(IsGateways{}, told.event.data) || told.event.process.has_value() ||
      !told.event.channel.empty() || is_ours(told.event.data) || !is_networks(told.event.rule)) {
    return Error{"the gateway told of what is not its own", EPROTO};
  }
  told.event.mono_ns = std::clamp(message.mono_ns(), std::min(last_ns, now_ns), now_ns);
  told.cookie = message.cookie();
  return told;
}

GatewayPort::GatewayPort(UniqueFd channel)
    : channel_(std::move(channel)), was_there_(channel_.valid()) {}

void GatewayPort::replace(UniqueFd channel) {
  if (!gone() || told_to_end_) return;
  channel_ = protocol::Connection(std::move(channel));
  was_there_ = true;
  ended_ = silent_ = false;
  watched_ns_.reset();
  asked_ns_.reset();
  owes_answer_ = false;
}

void GatewayPort::go() {
  if (gone() || told_to_end_) return;
  if (!channel_.queue(Type::kGo, "").ok()) channel_.close();
}

std::vector<NetworkEvent> GatewayPort::receive(uint64_t now_ns) {
  std::vector<NetworkEvent> out;
  if (gone()) return out;
  const Result<bool> open = channel_.fill();
  bool good = open.ok();
  while (good) {
    const Result<std::optional<protocol::Message>> next = channel_.next();
    good = next.ok();
    if (!good || !next.value().has_value()) break;
    const protocol::Message& message = *next.value();
    silent_since_ns_ = now_ns;
    asked_ns_.reset();
    if (message.type == Type::kGatewayThere && owes_answer_ && message.body.empty()) {
      owes_answer_ = false;
      continue;
    }
    if (message.type == Type::kGatewayEnded) {
      ended_ = true;
      continue;
    }
    good = message.type == Type::kGatewayEvent;
    if (!good) break;
    const auto event = protocol::parse_message<protocol::GatewayEvent>(message);
    Result<NetworkEvent> told = event.ok() ? read_network_event(event.value(), last_ns_, now_ns)
                                           : Result<NetworkEvent>(event.error());
    good = told.ok();
    if (!good) break;
    last_ns_ = told.value().event.mono_ns;
    out.push_back(told.take());
  }
  if (!good || !open.value()) channel_.close();
  return out;
}

void GatewayPort::watch(uint64_t now_ns, bool hears) {
  if (gone() || told_to_end_) return;
  if (!watched_ns_.has_value()) silent_since_ns_ = now_ns;
  const uint64_t passed = now_ns - std::exchange(watched_ns_, now_ns).value_or(now_ns);
  if (!hears) {
    silent_since_ns_ += passed;
    if (asked_ns_.has_value()) *asked_ns_ += passed;
    return;
  }
  if (!asked_ns_.has_value()) {
    if (now_ns < silent_since_ns_ + kAskAfterNs) return;
    asked_ns_ = now_ns;
    if (std::exchange(owes_answer_, true)) return;  // an older question will do
    if (!channel_.queue(Type::kGatewayThere, "").ok()) channel_.close();
    return;
  }
  if (now_ns < *asked_ns_ + kAnswerNs) return;
  silent_ = true;
  channel_.close();
}

void GatewayPort::tell(const protocol::GatewayLease& lease) {
  if (gone() || told_to_end_) return;
  if (!protocol::queue_message(channel_, Type::kGatewayLease, lease).ok()) channel_.close();
}

void GatewayPort::take_lease(const protocol::Minted& minted) {
  protocol::GatewayLease lease;
  lease.set_name(minted.name());
  lease.set_lease(minted.lease());
  lease.set_kind(minted.kind());
  lease.set_secret(minted.secret());
  lease.set_certificate(minted.certificate());
  lease.set_private_key(minted.private_key());
  lease.set_not_after(minted.not_after());
  tell(lease);
}

void GatewayPort::end_lease(const std::string& name) {
  protocol::GatewayLease lease;
  lease.set_name(name);
  lease.set_ended(true);
  tell(lease);
}

void GatewayPort::flush() {
  if (!gone() && channel_.wants_write() && !channel_.flush().ok()) channel_.close();
}

void GatewayPort::grant(const protocol::GatewayGrant& grant) {
  if (gone() || told_to_end_) return;
  if (!channel_.queue(Type::kGatewayGrant, grant.SerializeAsString()).ok()) channel_.close();
}

void GatewayPort::end() {
  if (told_to_end_) return;
  told_to_end_ = true;
  if (gone()) return;
  if (!channel_.queue(Type::kGatewayEnd, "").ok()) channel_.close();
}

bool GatewayPort::hung_up() const {
  pollfd look{channel_.fd(), 0, 0};
  return !gone() && poll(&look, 1, 0) > 0 && (look.revents & POLLHUP) != 0;
}

bool GatewayPort::lost() {
  if (!was_there_ || !gone() || told_to_end_) return false;
  was_there_ = false;
  return true;
}

}  // namespace carrel::session
