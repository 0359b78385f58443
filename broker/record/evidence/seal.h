#pragma once
// A seal is a signed checkpoint of one session's event tree. Each is signed by a one-time key that
// the seal before announced, so that who takes the machine cannot re-sign what was sealed before.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "broker/record/evidence/keys.h"
#include "broker/record/evidence/merkle.h"
#include "broker/record/evidence/sha256.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::evidence {

inline constexpr std::string_view kBrokerKeyName = "carrel.local/broker";

/// "carrel.local/session/<ulid>": first line of every seal and key name of its signature.
std::string session_origin(std::string_view session);

enum class SealState { kOpen, kRunning, kClosed };
std::string_view seal_state_name(SealState state);

/// One seal's text as a value.
struct Seal {
  std::string origin;
  uint64_t size = 0;  // events so far
  Digest root{};
  uint64_t index = 0;             // of the seal
  std::optional<Digest> prev;     // SHA-256 of the text of the seal before; none in seal 0
  std::optional<PublicKey> key;   // seal 0 only: the key that signs it
  std::optional<PublicKey> next;  // signs the next seal; none in a closed one
  uint64_t lost = 0;              // sensor records lost so far
  SealState state = SealState::kOpen;
  bool operator==(const Seal&) const = default;
};

/// The text of the note (docs/evidence-format.md, "Seals").
std::string format_seal(const Seal& seal);
/// Strict inverse: only what format_seal() writes is accepted.
Result<Seal> parse_seal(std::string_view text);

/// Where a chain's one-time seeds come from: generate_seed in programs, fixed ones in tests.
using SeedSource = std::function<Result<Secret>()>;

/// Signs the seals of one session. Holds exactly one private key at a time between calls.
class SealChain {
 public:
  enum class FirstKey { kInSealZero, kKnownElsewhere };

  /// Makes key 0. `origin` as session_origin().
  static Result<SealChain> start(std::string origin, SeedSource seeds,
                                 FirstKey first = FirstKey::kInSealZero);

  struct Head {
    uint64_t size = 0;
    Digest root{};
    uint64_t lost = 0;
    SealState state = SealState::kRunning;
  };
  /// The next seal as a complete note with one signature. The next key is made before signing and
  /// the used one is erased before this returns. Seal 0 must be kOpen, later ones not; after
  /// kClosed, or after an error, every call is an Error; size and lost must not shrink.
  Result<std::string> seal(const Head& head);

  [[nodiscard]] uint64_t next_index() const { return index_; }
  [[nodiscard]] bool closed() const { return !key_.has_value(); }

 private:
  SealChain(std::string origin, SeedSource seeds, FirstKey first, SigningKey key);
  std::string origin_;
  SeedSource seeds_;
  FirstKey first_;
  std::optional<SigningKey> key_;
  std::optional<Digest> prev_;
  uint64_t index_ = 0;
  uint64_t size_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace carrel::evidence
