#pragma once
// A ticket: what the broker granted to one uid, once, for seconds, as bytes that it signed. The
// launcher checks them with nothing but the broker's public key before it asks the broker whether
// the ticket was turned in before.
//
// Bytes: "carreltk", u8 version (1), u8 purpose, u32 uid, u64 not_after_ns (little-endian), 32
// bytes id, 32 bytes digest, then session, workspace and task, each a u8 length and its bytes; last
// the Ed25519 signature (64 bytes) over all before it. The key signs nothing else.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/record/evidence/keys.h"
#include "broker/record/evidence/sha256.h"
#include "profiles/base/result.h"

namespace carrel::ticket {

enum class Purpose : uint8_t { kOpen = 1, kErase = 2 };

/// What a ticket says.
struct Claims {
  Purpose purpose = Purpose::kOpen;
  uid_t uid = 0;              // who may turn it in
  uint64_t not_after_ns = 0;  // since 1970
  std::string id;             // kIdBytes random bytes
  std::string session;        // "" for kErase
  std::string workspace;
  std::string task;
  evidence::Digest digest{};  // SHA-256 of the body that the broker answers the launcher with
};

inline constexpr size_t kIdBytes = 32;
inline constexpr size_t kMaxTicket = 1024;
/// No broker grants a longer life: a ticket that claims one is refused.
inline constexpr uint64_t kMaxLifeNs = 60ULL * 1'000'000'000;

/// Signs. An Error where a field does not fit its length.
Result<std::string> make_ticket(const Claims& claims, const evidence::SigningKey& key);

/// The claims of a ticket that `key` signed for this purpose and this uid and that has not ended.
/// Each refusal is an Error in words for the person. Nothing of it is read before its
/// signature is found good. That it was not turned in before is the broker's to say.
Result<Claims> check_ticket(std::string_view ticket, const evidence::PublicKey& key,
                            Purpose purpose, uid_t uid, uint64_t now_ns);

}  // namespace carrel::ticket
