#pragma once
// Ed25519 keys as OpenSSH's programs keep them: `ssh-ed25519 AAAA… comment`, and unencrypted files
// of private keys. Ed25519 alone, in one spelling alone: what OpenSSH writes itself.

#include <string>
#include <string_view>

#include "broker/record/evidence/keys.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"

namespace carrel::ssh {

using evidence::PublicKey;
using evidence::SigningKey;

/// Longest comment, in bytes.
inline constexpr size_t kMaxComment = 256;
/// Longest line of a public key and longest file of a private one that is read, in bytes.
inline constexpr size_t kMaxKeyLine = 512;
inline constexpr size_t kMaxKeyFile = 2048;

/// A private key with the seed that it was made of, for writing it down.
struct KeyPair {
  Secret seed;
  SigningKey key;

  /// From a seed of 32 bytes (RFC 8032); an Error for another size.
  static Result<KeyPair> from_seed(Secret seed);
  /// A new one, of OpenSSL's private generator.
  static Result<KeyPair> generate();
};

/// The key as OpenSSH encodes it (RFC 8709 section 4): string "ssh-ed25519", string of 32 bytes.
std::string to_blob(const PublicKey& key);

/// "ssh-ed25519 AAAA… comment", without a line feed; without the last space where `comment` is "".
/// An Error for a comment that is longer than kMaxComment or has bytes outside printable ASCII.
Result<std::string> to_public_line(const PublicKey& key, std::string_view comment);

/// The key of such a line, with or without a comment, and with at most one line feed at its end.
/// Options before it, other kinds of keys and other spellings of the base64 are Errors.
Result<PublicKey> parse_public_line(std::string_view line);

/// "-----BEGIN OPENSSH PRIVATE KEY-----" (OpenSSH's PROTOCOL.key), unencrypted, as sshd's HostKey
/// and ssh's IdentityFile take it. The same pair and comment give the same bytes. An Error for a
/// comment as of to_public_line().
Result<Secret> to_private_file(const KeyPair& pair, std::string_view comment);

/// The pair of such a file. An Error where it is encrypted, of another kind, damaged, or where its
/// public half is not that of its private half.
Result<KeyPair> parse_private_file(std::string_view text);

}  // namespace carrel::ssh
