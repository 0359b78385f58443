#include "broker/wire/ticket/ticket.h"

#include <initializer_list>
#include <utility>

namespace carrel::ticket {
namespace {

constexpr std::string_view kMagic = "carreltk";
constexpr uint8_t kVersion = 1;
constexpr size_t kSignature = sizeof(evidence::Signature);
constexpr size_t kFixed = kMagic.size() + 1 + 1 + 4 + 8 + kIdBytes + sizeof(evidence::Digest);
constexpr size_t kShortest = kFixed + 3 + kSignature;

template <typename Number>
void put(std::string& out, Number value) {
  for (size_t i = 0; i < sizeof value; ++i)
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
}

/// Takes a signed body apart; what does not fit it leaves it failed.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(size_t count) {
    if (rest_.size() < count) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  uint64_t number(size_t bytes) {
    uint64_t value = 0;
    const std::string_view taken = take(bytes);
    for (size_t i = 0; i < taken.size(); ++i)
      value |= static_cast<uint64_t>(static_cast<unsigned char>(taken[i])) << (8 * i);
    return value;
  }
  std::string text() { return std::string(take(number(1))); }
  [[nodiscard]] bool whole() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

Error refused(std::string why) {
  return Error{std::move(why)};
}

Result<Claims> read_body(std::string_view body) {
  const Error malformed = refused(
      "the ticket is malformed, though signed: broker and launcher are of different versions");
  Reader reader(body);
  const bool known = reader.take(kMagic.size()) == kMagic && reader.number(1) == kVersion;
  Claims claims;
  claims.purpose = static_cast<Purpose>(reader.number(1));
  claims.uid = static_cast<uid_t>(reader.number(4));
  claims.not_after_ns = reader.number(8);
  claims.id = reader.take(kIdBytes);
  const std::string_view digest = reader.take(sizeof(evidence::Digest));
  if (digest.size() == sizeof(evidence::Digest)) claims.digest = evidence::to_array<32>(digest);
  claims.session = reader.text();
  claims.workspace = reader.text();
  claims.task = reader.text();
  if (!known || !reader.whole()) return malformed;
  return claims;
}

}  // namespace

Result<std::string> make_ticket(const Claims& claims, const evidence::SigningKey& key) {
  std::string bytes(kMagic);
  put(bytes, kVersion);
  put(bytes, static_cast<uint8_t>(claims.purpose));
  put(bytes, static_cast<uint32_t>(claims.uid));
  put(bytes, claims.not_after_ns);
  if (claims.id.size() != kIdBytes) return Error{"ticket: its id is not 32 bytes"};
  bytes += claims.id;
  bytes += evidence::as_view(claims.digest);
  for (const std::string* text : {&claims.session, &claims.workspace, &claims.task}) {
    if (text->size() > 255) return Error{"ticket: a name is longer than 255 bytes"};
    put(bytes, static_cast<uint8_t>(text->size()));
    bytes += *text;
  }
  if (bytes.size() + kSignature > kMaxTicket) return Error{"ticket: larger than 1 KiB"};
  ASSIGN_OR_RETURN(const evidence::Signature signature, key.sign(bytes));
  bytes += evidence::as_view(signature);
  return bytes;
}

Result<Claims> check_ticket(std::string_view ticket, const evidence::PublicKey& key,
                            Purpose purpose, uid_t uid, uint64_t now_ns) {
  if (ticket.size() < kShortest || ticket.size() > kMaxTicket) {
    return refused("this is no ticket: it has " + std::to_string(ticket.size()) + " bytes");
  }
  const std::string_view body = ticket.substr(0, ticket.size() - kSignature);
  const auto signature = evidence::to_array<kSignature>(ticket.substr(body.size()));
  if (!evidence::verify_signature(key, body, signature)) {
    return refused(
        "the ticket was not signed by the broker that runs now (a broker that was started again "
        "signs with a new key): ask again");
  }
  ASSIGN_OR_RETURN(Claims claims, read_body(body));
  if (claims.purpose != purpose) return refused("the ticket is for something else");
  if (claims.uid != uid) return refused("the ticket was given to another user");
  if (now_ns >= claims.not_after_ns) return refused("the ticket has ended: ask again");
  if (claims.not_after_ns - now_ns > kMaxLifeNs) {
    return refused("the ticket claims a longer life than any has: is the host's clock right?");
  }
  return claims;
}

}  // namespace carrel::ticket
