#include "broker/record/evidence/seal.h"

#include <array>
#include <charconv>
#include <vector>

#include "broker/record/evidence/note.h"
#include "profiles/base/text.h"

namespace carrel::evidence {
namespace {

constexpr std::array<std::string_view, 3> kStates = {"open", "running", "closed"};
constexpr size_t kMaxSealText = 4096;

std::string base64_or_dash(const std::optional<std::array<uint8_t, 32>>& bytes) {
  return bytes ? to_base64(as_view(*bytes)) : "-";
}

/// Reads "name value" lines one after the other; the first that is different makes it fail for
/// good.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::string_view take() {
    const size_t feed = rest_.find('\n');
    if (feed == std::string_view::npos) {
      failed_ = true;
      return {};
    }
    const std::string_view line = rest_.substr(0, feed);
    rest_.remove_prefix(feed + 1);
    return line;
  }
  std::string_view take(std::string_view name) {
    const std::string_view line = take();
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ')
      return line.substr(name.size() + 1);
    failed_ = true;
    return {};
  }
  uint64_t number(std::string_view digits) {
    uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc() || stop != end) failed_ = true;
    return value;
  }
  Digest digest(std::string_view base64) {
    const auto bytes = from_base64(base64);
    if (bytes && bytes->size() == 32) return to_array<32>(*bytes);
    failed_ = true;
    return {};
  }
  std::optional<Digest> optional_digest(std::string_view base64) {
    if (base64 == "-") return std::nullopt;
    return digest(base64);
  }
  [[nodiscard]] bool next_is(std::string_view prefix) const { return rest_.starts_with(prefix); }
  [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

std::optional<SealState> parse_state(std::string_view name) {
  for (size_t i = 0; i < kStates.size(); ++i)
    if (kStates[i] == name) return static_cast<SealState>(i);
  return std::nullopt;
}

}  // namespace

std::string session_origin(std::string_view session) {
  return "carrel.local/session/" + std::string(session);
}

std::string_view seal_state_name(SealState state) {
  return kStates[static_cast<size_t>(state)];
}

std::string format_seal(const Seal& seal) {
  std::string out = seal.origin + "\n" + std::to_string(seal.size) + "\n" +
                    to_base64(as_view(seal.root)) + "\nseal " + std::to_string(seal.index) +
                    "\nprev " + base64_or_dash(seal.prev) + "\n";
  if (seal.key) out += "key " + base64_or_dash(seal.key) + "\n";
  out += "next " + base64_or_dash(seal.next) + "\nlost " + std::to_string(seal.lost) + "\nstate " +
         std::string(seal_state_name(seal.state)) + "\n";
  return out;
}

Result<Seal> parse_seal(std::string_view text) {
  if (text.size() > kMaxSealText) return Error{"seal: longer than 4 KiB"};
  Lines lines(text);
  Seal seal;
  seal.origin = lines.take();
  seal.size = lines.number(lines.take());
  seal.root = lines.digest(lines.take());
  seal.index = lines.number(lines.take("seal"));
  seal.prev = lines.optional_digest(lines.take("prev"));
  if (lines.next_is("key ")) seal.key = lines.digest(lines.take("key"));
  seal.next = lines.optional_digest(lines.take("next"));
  seal.lost = lines.number(lines.take("lost"));
  const auto state = parse_state(lines.take("state"));
  if (!lines.done() || !state || !is_key_name(seal.origin)) return Error{"seal: malformed"};
  seal.state = *state;
  if (format_seal(seal) != text) return Error{"seal: not in its one spelling"};
  return seal;
}

SealChain::SealChain(std::string origin, SeedSource seeds, FirstKey first, SigningKey key)
    : origin_(std::move(origin)), seeds_(std::move(seeds)), first_(first), key_(std::move(key)) {}

Result<SealChain> SealChain::start(std::string origin, SeedSource seeds, FirstKey first) {
  if (!is_key_name(origin)) return Error{"seal chain: malformed origin"};
  ASSIGN_OR_RETURN(const Secret seed, seeds());
  ASSIGN_OR_RETURN(SigningKey key, SigningKey::from_seed(seed));
  return SealChain(std::move(origin), std::move(seeds), first, std::move(key));
}

Result<std::string> SealChain::seal(const Head& head) {
  if (!key_) return Error{"seal chain: closed"};
  const bool first = index_ == 0;
  if (first != (head.state == SealState::kOpen))
    return Error{"seal chain: the first seal alone is open"};
  if (head.size < size_ || head.lost < lost_) return Error{"seal chain: size or loss shrinks"};
  const SigningKey key = std::move(*key_);
  key_.reset();  // whatever fails from here on, this key signs at most one text
  std::optional<SigningKey> next;
  if (head.state != SealState::kClosed) {
    ASSIGN_OR_RETURN(const Secret seed, seeds_());
    ASSIGN_OR_RETURN(next, SigningKey::from_seed(seed));
  }
  Seal seal{origin_, head.size, head.root, index_, prev_, {}, {}, head.lost, head.state};
  if (first && first_ == FirstKey::kInSealZero) seal.key = key.public_key();
  if (next) seal.next = next->public_key();
  const std::string text = format_seal(seal);
  ASSIGN_OR_RETURN(std::string note, sign_note(text, origin_, key));
  key_ = std::move(next);
  prev_ = sha256(text);
  size_ = head.size;
  lost_ = head.lost;
  ++index_;
  return note;
}

}  // namespace carrel::evidence
