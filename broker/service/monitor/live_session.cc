#include "broker/service/monitor/live_session.h"

#include <algorithm>

#include "broker/record/evidence/note.h"
#include "broker/record/segments/block.h"
#include "broker/wire/protocol/grant_text.h"
#include "profiles/base/wipe.h"

namespace carrel::monitor {
namespace {

using protocol::Message;
using protocol::Type;

constexpr uint64_t kNsPerS = 1'000'000'000;
// A supervisor's clock is read in whole seconds and may be a little ahead.
constexpr uint64_t kRenewalSlackS = 2;
// A supervisor that was refused a credential may ask again after a while.
constexpr uint64_t kRefusedPauseS = 1;
// Of one credential in a session: a gateway is started again less often (gateway_turns.h).
constexpr uint32_t kMostAgain = 8;
// A supervisor holds half as many: its clock may be a little behind.
constexpr size_t kMostGrantRequests = 16;
// Of one credential: a renewed token is good until its own end, and is renewed at half of its life.
constexpr size_t kMostTokens = 8;
constexpr size_t kMaxState = size_t{16} << 10;

bool is_end_word(std::string_view by) {
  return by == "setup" || by == "policy" || by == "person" || by == "command" || by == "kill";
}

protocol::Minted minted_of(const credentials::Lease& lease, bool renewal) {
  protocol::Minted minted;
  minted.set_name(lease.name);
  minted.set_lease(lease.id);
  minted.set_audience(lease.audience);
  minted.set_kind(std::string(credentials::word_of(lease.kind)));
  minted.set_token(std::string(lease.token.expose()));
  minted.set_secret(std::string(lease.secret.expose()));
  minted.set_certificate(lease.certificate);
  minted.set_private_key(std::string(lease.private_key.expose()));
  minted.set_issued(lease.issued);
  minted.set_not_after(lease.not_after);
  minted.set_renewal(renewal);
  return minted;
}

std::vector<Reply> one(Reply reply) {
  std::vector<Reply> all;
  all.push_back(std::move(reply));
  return all;
}

}  // namespace

LiveSession::LiveSession(store::SessionRow row, credentials::Holder holder,
                         std::unique_ptr<store::FileSegmentStore> record, const SessionTools& tools)
    : row_(std::move(row)),
      holder_(std::move(holder)),
      record_(std::move(record)),
      tools_(tools),
      guard_(row_.session) {}

Result<const ssh::KeyPair*> LiveSession::ssh_host_key() {
  if (!ssh_host_key_.has_value()) {
    ASSIGN_OR_RETURN(ssh::KeyPair made, ssh::KeyPair::generate());
    ssh_host_key_ = std::move(made);
  }
  return &*ssh_host_key_;
}

Result<std::vector<Reply>> LiveSession::take(const Message& message) {
  if (failed_) return Error{"the session has failed", EPIPE};
  Result<std::vector<Reply>> replies = handle(message);
  if (!replies.ok()) failed_ = true;
  return replies;
}

Result<std::vector<Reply>> LiveSession::handle(const Message& message) {
  if (!message.fds.empty()) return Error{"descriptors out of turn", EPROTO};
  if (message.type == Type::kEndSession) return take_end(message);
  if (guard_.closed()) return Error{"message after the closing seal", EPROTO};
  switch (message.type) {
    case Type::kSegmentBlock:
      return take_block(message);
    case Type::kSeal:
      return take_seal(message);
    case Type::kBlobPart:
      return take_blob(message);
    case Type::kMintCredential:
      return mint(message);
    case Type::kSessionState:
      return take_state(message);
    case Type::kGrantRequest:
      return take_grant_request(message);
    default:
      return Error{"message of no known type", EPROTO};
  }
}

Result<std::vector<Reply>> LiveSession::take_block(const Message& message) {
  ASSIGN_OR_RETURN(const segments::BlockHeader header, segments::parse_block_header(message.body));
  RETURN_IF_ERROR(record_->append(message.body));
  stored_events_ = header.first_seq + header.count;
  return std::vector<Reply>{};
}

Result<std::vector<Reply>> LiveSession::take_seal(const Message& message) {
  ASSIGN_OR_RETURN(const protocol::Seal sent, protocol::parse_message<protocol::Seal>(message));
  ASSIGN_OR_RETURN(const evidence::Seal seal, guard_.accept(sent.note(), stored_events_));
  RETURN_IF_ERROR(store_seal(seal, sent.note()));
  row_.events = stored_events_;
  row_.denied = sent.denied();
  row_.changed = sent.changed();
  row_.lost = seal.lost;
  if (guard_.closed()) {
    row_.state = store::SessionState::kClosed;
    row_.ended_ns = tools_.world.now_ns();
  }
  protocol::Sealed sealed;
  sealed.set_index(seal.index);
  return one(reply_with(Type::kSealed, sealed));
}

/// The order that no crash can turn into a lie: events durable, then the seal over them, then the
/// acknowledgement.
Status LiveSession::store_seal(const evidence::Seal& seal, const std::string& note) {
  if (seal.state == evidence::SealState::kRunning) {
    RETURN_IF_ERROR(record_->sync());
    RETURN_IF_ERROR(record_->append_seal(note));
    return record_->sync();
  }
  ASSIGN_OR_RETURN(const std::string both,
                   evidence::countersign(note, evidence::kBrokerKeyName, tools_.broker_key));
  if (seal.state == evidence::SealState::kClosed) return record_->close_with(both);
  // The first one covers no events, so that it may become durable together with event 0.
  RETURN_IF_ERROR(record_->append_seal(both));
  return record_->sync();
}

Result<std::vector<Reply>> LiveSession::take_blob(const Message& message) {
  ASSIGN_OR_RETURN(const protocol::BlobPart part,
                   protocol::parse_message<protocol::BlobPart>(message));
  if (part.sha256().size() != 32) return Error{"blob without a digest", EPROTO};
  const auto digest = evidence::to_array<32>(part.sha256());
  ASSIGN_OR_RETURN(const bool stored,
                   record_->put_blob_part(digest, part.offset(), part.bytes(), part.last()));
  if (!stored) return std::vector<Reply>{};
  return one(Reply{Type::kBlobStored, part.sha256(), {}});
}

/// Asked for once at first, then from half of its life on; one at a time.
Status LiveSession::check_turn(const protocol::MintCredential& wanted, uint64_t now_s) const {
  const auto known = leases_.find(wanted.name());
  if (wanted.renewal() != (known != leases_.end()) || pending_.contains(wanted.name())) {
    return Error{"credential asked for out of turn", EPROTO};
  }
  if (const auto refused = refused_s_.find(wanted.name());
      refused != refused_s_.end() && now_s < refused->second + kRefusedPauseS) {
    return Error{"credential asked for again at once", EPROTO};
  }
  if (known == leases_.end()) return Done{};
  const Term& term = known->second;
  if (wanted.again()) {
    return term.again < kMostAgain ? Status(Done{})
                                   : Status(Error{"credential asked for again too often", EPROTO});
  }
  const uint64_t asked = now_s + kRenewalSlackS;
  if (credentials::next_renewal(term.issued, term.not_after, asked) > asked) {
    return Error{"credential renewed before half of its life", EPROTO};
  }
  return Done{};
}

void LiveSession::grant_credential(const std::string& name, uint64_t until_ns) {
  Granted& granted = granted_[name];
  granted = {granted.number + 1, until_ns};
  leases_.erase(name);
  tokens_.erase(name);
  refused_s_.erase(name);
}

uint64_t LiveSession::grant_number(const std::string& credential) const {
  const auto found = granted_.find(credential);
  return found == granted_.end() ? 0 : found->second.number;
}

Result<uint64_t> LiveSession::latest_end_s(const std::string& credential) const {
  const auto found = granted_.find(credential);
  if (found == granted_.end()) return UINT64_MAX;
  const uint64_t until_ns = found->second.until_ns;
  if (until_ns > tools_.world.now_ns()) return until_ns / kNsPerS;
  return Error{"credential " + credential + ": what was granted of it is over"};
}

Reply LiveSession::refuse_lease(const std::string& credential, bool renewal, const Error& why) {
  refused_s_[credential] = tools_.world.now_ns() / kNsPerS;
  protocol::Minted refusal;
  refusal.set_name(credential);
  refusal.set_renewal(renewal);
  refusal.set_error(to_string(why));
  return reply_with(Type::kMinted, refusal);
}

Result<std::vector<Reply>> LiveSession::mint(const Message& message) {
  ASSIGN_OR_RETURN(const protocol::MintCredential wanted,
                   protocol::parse_message<protocol::MintCredential>(message));
  RETURN_IF_ERROR(check_turn(wanted, tools_.world.now_ns() / kNsPerS));
  ASSIGN_OR_RETURN(const credentials::Grant grant, credentials::find_grant(holder_, wanted.name()));
  if (grant.on_request && !granted_.contains(grant.name)) {
    return Error{"credential asked for that nobody has granted", EPROTO};
  }
  if (wanted.again() &&
      (grant.kind == credentials::Kind::kJwt || grant.kind == credentials::Kind::kFile)) {
    return Error{"credential asked for again that no gateway had", EPROTO};
  }
  const Result<uint64_t> until_s = latest_end_s(grant.name);
  // Its supervisor's clock may be a little behind.
  if (!until_s.ok()) return one(refuse_lease(grant.name, wanted.renewal(), until_s.error()));
  if (grant.kind != credentials::Kind::kJwt) {
    pending_[grant.name] = {wanted.renewal(), grant_number(grant.name), wanted.again()};
    asks_.push_back({grant.name, grant.from});
    return std::vector<Reply>{};
  }
  const Result<credentials::Lease> made =
      tools_.issuer.mint(holder_, wanted.name(), until_s.value());
  if (!made.ok() && grant.on_request) {
    return one(refuse_lease(grant.name, wanted.renewal(), made.error()));
  }
  if (!made.ok()) return made.error();
  const credentials::Lease& lease = made.value();
  leases_[lease.name] = Term{lease.issued, lease.not_after};
  std::deque<std::string>& tokens = tokens_[lease.name];
  tokens.push_back(lease.id);
  if (tokens.size() > kMostTokens) tokens.pop_front();
  protocol::Minted minted = minted_of(lease, wanted.renewal());
  minted.set_jwks(tools_.issuer.jwks());
  return one(reply_with(Type::kMinted, minted));
}

bool LiveSession::has_token(const std::string& jti) const {
  return std::any_of(tokens_.begin(), tokens_.end(), [&jti](const auto& each) {
    return std::find(each.second.begin(), each.second.end(), jti) != each.second.end();
  });
}

std::optional<Reply> LiveSession::take_secret(const std::string& credential,
                                              const Result<Secret>& value) {
  const auto found = pending_.find(credential);
  if (found == pending_.end() || failed_ || guard_.closed()) return std::nullopt;
  const bool renewal = found->second.renewal;
  const bool of_another_grant = found->second.grant != grant_number(credential);
  const auto known = leases_.find(credential);
  const uint32_t again =
      (known == leases_.end() ? 0 : known->second.again) + (found->second.again ? 1 : 0);
  pending_.erase(found);
  const Result<uint64_t> until_s = latest_end_s(credential);
  if (of_another_grant || !until_s.ok()) {
    Reply refusal = refuse_lease(
        credential, renewal,
        until_s.ok() ? Error{"credential " + credential + ": asked for under another grant"}
                     : until_s.error());
    refused_s_.erase(credential);  // what is granted now may be asked for at once
    return refusal;
  }
  const Result<credentials::Lease> lease =
      value.ok() ? tools_.issuer.lease(holder_, credential, value.value(), until_s.value())
                 : Result<credentials::Lease>(value.error());
  if (!lease.ok()) return refuse_lease(credential, renewal, lease.error());
  leases_[credential] = Term{lease.value().issued, lease.value().not_after, again};
  protocol::Minted minted = minted_of(lease.value(), renewal);
  Reply reply = reply_with(Type::kMinted, minted);
  wipe(*minted.mutable_secret());
  wipe(*minted.mutable_private_key());
  return reply;
}

Result<std::vector<Reply>> LiveSession::take_state(const Message& message) {
  if (message.body.size() > kMaxState) return Error{"state too large", EPROTO};
  ASSIGN_OR_RETURN(state_, protocol::parse_message<protocol::SessionState>(message));
  if (state_.ending()) begin_end();
  return std::vector<Reply>{};
}

const std::map<std::string, LiveSession::GrantRequest>& LiveSession::grant_requests() {
  std::erase_if(grant_requests_, [this](const auto& each) {
    return each.second.request.until_ns() <= tools_.world.now_ns();
  });
  return grant_requests_;
}

/// What is shown of it is what its profile says.
Status LiveSession::check_asked_credential(const protocol::GrantRequest& request) const {
  if (!protocol::is_for_credential(request)) return Done{};
  const Error bad{"request for another credential than its profile has", EPROTO};
  const auto grant = credentials::find_grant(holder_, request.credential());
  if (!grant.ok() || !grant.value().on_request) return bad;
  const credentials::Grant& known = grant.value();
  const bool same = request.kind() == credentials::word_of(known.kind) &&
                    request.audience() == known.audience && request.from() == known.from &&
                    std::equal(request.used_by().begin(), request.used_by().end(),
                               known.used_by.begin(), known.used_by.end());
  if (!same) return bad;
  return Done{};
}

Result<std::vector<Reply>> LiveSession::take_grant_request(const Message& message) {
  ASSIGN_OR_RETURN(protocol::GrantRequest request,
                   protocol::parse_message<protocol::GrantRequest>(message));
  RETURN_IF_ERROR(protocol::check_grant_request(request));
  RETURN_IF_ERROR(check_asked_credential(request));
  const uint64_t id = std::stoull(request.id());  // of at most eight digits
  if (id <= last_grant_id_ || grant_requests().size() >= kMostGrantRequests) {
    return Error{"request for a grant out of turn", EPROTO};
  }
  last_grant_id_ = id;
  const std::string key = request.id();
  grant_requests_[key] = {std::move(request), tools_.world.now_ns()};
  return std::vector<Reply>{};
}

Result<std::vector<Reply>> LiveSession::take_end(const Message& message) {
  ASSIGN_OR_RETURN(const protocol::EndSession end,
                   protocol::parse_message<protocol::EndSession>(message));
  // Who ended it is believed of a closed record only: a broken one was ended by something else.
  if (!guard_.closed()) return Error{"end before the closing seal", EPROTO};
  if (!is_end_word(end.by()) || end.code() < 0 || end.code() > 255 || !row_.end_by.empty()) {
    return Error{"malformed end", EPROTO};
  }
  row_.end_by = end.by();
  row_.end_code = end.code();
  return std::vector<Reply>{};
}

store::SessionRow LiveSession::end() {
  // Whatever can still be made whole is; the record says itself that it has no closing seal.
  if (!closed()) {
    (void)record_->finish().ok();
    row_.state = store::SessionState::kBroken;
    row_.events = stored_events_;
    if (row_.end_by.empty()) {
      row_.end_by = "kill";
      row_.end_code = 137;
    }
  }
  if (row_.ended_ns == 0) row_.ended_ns = tools_.world.now_ns();
  failed_ = true;
  record_.reset();
  return row_;
}

}  // namespace carrel::monitor
