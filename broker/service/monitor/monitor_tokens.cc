// Whether a token still lives (RFC 7662). Whoever holds one may ask: the answer says nothing that
// the token does not say itself, and of one that is not good nothing at all.

#include "broker/service/monitor/monitor.h"
#include "profiles/base/text.h"

namespace carrel::monitor {
namespace {

using protocol::Message;
using protocol::Type;

constexpr uint32_t kInvalid = 1;

}  // namespace

credentials::LeaseState Monitor::find_lease(const std::string& session,
                                            const std::string& jti) const {
  using credentials::LeaseState;
  const auto found = live_.find(session);
  if (found == live_.end() || found->second->ending()) return LeaseState::kNoSession;
  return found->second->has_token(jti) ? LeaseState::kLives : LeaseState::kNoLease;
}

Reply Monitor::token(uid_t peer_uid, const Message& message) {
  const auto request = protocol::parse_message<protocol::TokenRequest>(message);
  if (!request.ok()) return failure(kInvalid, request.error().what);
  if (request.value().token().size() > credentials::kMaxToken) {
    return failure(kInvalid, "a token has at most 16 KiB");
  }
  const credentials::Introspection found = parts_.issuer.introspect(
      request.value().token(), [this](const std::string& session, const std::string& jti) {
        return find_lease(session, jti);
      });
  note(peer_uid, "token.introspected uid=" + std::to_string(peer_uid) + " state=" +
                     std::string(credentials::word_of(found.state)) + " jti=" + quoted(found.jti));
  protocol::TokenReply reply;
  reply.set_json(found.json);
  return reply_with(Type::kTokenReply, reply);
}

}  // namespace carrel::monitor
