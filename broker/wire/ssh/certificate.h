#pragma once
// User certificates of OpenSSH (PROTOCOL.certkeys): who may come in where, for minutes, signed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/ssh/keys.h"
#include "profiles/base/result.h"

namespace carrel::ssh {

inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kMaxPrincipals = 256;  // OpenSSH reads no more
inline constexpr size_t kMaxName = 256;        // bytes of a principal or of the key's id
inline constexpr uint64_t kMaxLifeS = 600;
/// Longest line of a certificate that is_certificate_of() reads, in bytes.
inline constexpr size_t kMaxCertificateLine = size_t{256} << 10;

/// What a certificate says. Its holder may have a terminal and forward ports; nothing else.
struct Certificate {
  PublicKey key{};
  std::string nonce;    // kNonceBytes unpredictable bytes: what is signed cannot be foreseen
  uint64_t serial = 0;  // not 0
  std::string key_id;   // what sshd writes into its log
  std::vector<std::string> principals;
  uint64_t valid_after_s = 0;   // since 1970; the first second
  uint64_t valid_before_s = 0;  // the first second after its time
};

/// "ssh-ed25519-cert-v01@openssh.com AAAA…", without a comment and a line feed, signed by
/// `authority`. An Error for a nonce of another size, serial 0, no principals (some versions of
/// OpenSSH take that for anybody), more than kMaxPrincipals, names that are empty, longer than
/// kMaxName or not printable ASCII without commas, and a life that is none or longer than
/// kMaxLifeS.
Result<std::string> to_certificate_line(const Certificate& certificate,
                                        const SigningKey& authority);

/// Whether the line is a certificate for this key, in the one spelling of to_certificate_line().
/// Says nothing of its signature and its time: those are sshd's to check.
bool is_certificate_of(std::string_view line, const PublicKey& key);

}  // namespace carrel::ssh
