#include "broker/wire/ssh/keys.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "broker/record/evidence/sha256.h"
#include "broker/wire/ssh/bytes.h"
#include "profiles/base/text.h"

namespace carrel::ssh {
namespace {

constexpr std::string_view kType = "ssh-ed25519";
constexpr std::string_view kMagic{"openssh-key-v1\0", 15};
constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
constexpr std::string_view kEnd = "-----END OPENSSH PRIVATE KEY-----\n";
constexpr size_t kColumns = 70;  // as OpenSSH breaks its lines
constexpr size_t kBlock = 8;     // of the padding of an unencrypted key

Status check_comment(std::string_view comment) {
  if (comment.size() > kMaxComment) return Error{"ssh key: the comment is longer than 256 bytes"};
  const bool printable =
      std::all_of(comment.begin(), comment.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!printable) return Error{"ssh key: the comment has bytes that are not printable ASCII"};
  return Done{};
}

/// The key of to_blob()'s bytes; nothing for any others.
std::optional<PublicKey> key_of(std::string_view blob) {
  Reader reader(blob);
  const bool known = reader.string() == kType;
  const std::string_view bytes = reader.string();
  if (!known || !reader.whole() || bytes.size() != sizeof(PublicKey)) return std::nullopt;
  return evidence::to_array<sizeof(PublicKey)>(bytes);
}

/// What an encrypted key would have encrypted. The check numbers tell a wrong passphrase from a
/// right one; without any they are only to be equal.
Secret private_part(const KeyPair& pair, std::string_view comment) {
  std::string out;
  out.reserve(kMaxKeyFile);  // so that no part of the seed is left behind by growing
  const uint32_t check = Reader(evidence::as_view(pair.key.public_key())).u32();
  put_u32(out, check);
  put_u32(out, check);
  put_string(out, kType);
  const std::string_view public_bytes = evidence::as_view(pair.key.public_key());
  put_string(out, public_bytes);
  put_u32(out, static_cast<uint32_t>(pair.seed.expose().size() + public_bytes.size()));
  out += pair.seed.expose();
  out += public_bytes;
  put_string(out, comment);
  for (char pad = 1; out.size() % kBlock != 0; ++pad)
    out += pad;
  return Secret(std::move(out));
}

/// The padding counts up from 1 to the end of a block.
bool is_padding(std::string_view bytes) {
  char expected = 1;
  return bytes.size() < kBlock && std::all_of(bytes.begin(), bytes.end(), [&expected](char byte) {
           return byte == expected++;
         });
}

Error damaged() {
  return Error{"ssh key: the private key's file is damaged or of another kind"};
}

Result<KeyPair> parse_private_part(std::string_view bytes, const PublicKey& outer) {
  Reader reader(bytes);
  const uint32_t check = reader.u32();
  const bool known = reader.u32() == check && reader.string() == kType;
  const std::string_view public_bytes = reader.string();
  const std::string_view both = reader.string();
  (void)reader.string();  // the comment
  if (!known || reader.failed() || bytes.size() % kBlock != 0 || !is_padding(reader.rest()) ||
      public_bytes != evidence::as_view(outer) || both.size() != 2 * sizeof(PublicKey) ||
      both.substr(sizeof(PublicKey)) != public_bytes) {
    return damaged();
  }
  ASSIGN_OR_RETURN(KeyPair pair,
                   KeyPair::from_seed(Secret(std::string(both.substr(0, sizeof(PublicKey))))));
  if (pair.key.public_key() != outer) return damaged();
  return pair;
}

Result<KeyPair> parse_private_blob(std::string_view blob) {
  Reader reader(blob);
  const bool ours = reader.take(kMagic.size()) == kMagic;
  if (!ours) return damaged();
  const std::string_view cipher = reader.string();
  const std::string_view derivation = reader.string();
  const std::string_view options = reader.string();
  if (!reader.failed() && cipher != "none") {
    return Error{"ssh key: the private key is encrypted; give one without a passphrase"};
  }
  const bool plain = derivation == "none" && options.empty() && reader.u32() == 1;
  const auto outer = key_of(reader.string());
  const std::string_view inner = reader.string();
  if (!plain || !outer.has_value() || !reader.whole()) return damaged();
  return parse_private_part(inner, *outer);
}

}  // namespace

Result<KeyPair> KeyPair::from_seed(Secret seed) {
  ASSIGN_OR_RETURN(SigningKey key, SigningKey::from_seed(seed));
  return KeyPair{std::move(seed), std::move(key)};
}

Result<KeyPair> KeyPair::generate() {
  ASSIGN_OR_RETURN(Secret seed, evidence::generate_seed());
  return from_seed(std::move(seed));
}

std::string to_blob(const PublicKey& key) {
  std::string blob;
  put_string(blob, kType);
  put_string(blob, evidence::as_view(key));
  return blob;
}

Result<std::string> to_public_line(const PublicKey& key, std::string_view comment) {
  RETURN_IF_ERROR(check_comment(comment));
  std::string line = std::string(kType) + " " + to_base64(to_blob(key));
  if (!comment.empty()) line += " " + std::string(comment);
  return line;
}

Result<PublicKey> parse_public_line(std::string_view line) {
  const Error refused{"ssh key: not a line `ssh-ed25519 AAAA... comment`"};
  if (line.size() > kMaxKeyLine) return Error{"ssh key: the line is longer than 512 bytes"};
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (!line.starts_with(kType) || line.substr(kType.size(), 1) != " ") return refused;
  line.remove_prefix(kType.size() + 1);
  const size_t space = line.find(' ');
  if (space != std::string_view::npos) RETURN_IF_ERROR(check_comment(line.substr(space + 1)));
  const std::optional<std::string> blob = from_base64(line.substr(0, space));
  if (!blob.has_value()) return refused;
  const std::optional<PublicKey> key = key_of(*blob);
  if (!key.has_value()) return refused;
  return *key;
}

Result<Secret> to_private_file(const KeyPair& pair, std::string_view comment) {
  RETURN_IF_ERROR(check_comment(comment));
  std::string blob;
  blob.reserve(kMaxKeyFile);
  blob += kMagic;
  for (const std::string_view word : {"none", "none", ""})  // cipher, derivation, its options
    put_string(blob, word);
  put_u32(blob, 1);
  put_string(blob, to_blob(pair.key.public_key()));
  const Secret inner = private_part(pair, comment);
  put_string(blob, inner.expose());
  const Secret whole(std::move(blob));
  const Secret text(to_base64(whole.expose()));
  std::string out;
  out.reserve(kMaxKeyFile);
  out += kBegin;
  for (size_t at = 0; at < text.expose().size(); at += kColumns) {
    out += text.expose().substr(at, kColumns);
    out += '\n';
  }
  out += kEnd;
  return Secret(std::move(out));
}

Result<KeyPair> parse_private_file(std::string_view text) {
  if (text.size() > kMaxKeyFile) return Error{"ssh key: the file is larger than 2 KiB"};
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd) ||
      text.size() < kBegin.size() + kEnd.size()) {
    return damaged();
  }
  text.remove_prefix(kBegin.size());
  text.remove_suffix(kEnd.size());
  std::string joined;
  joined.reserve(text.size());
  std::copy_if(text.begin(), text.end(), std::back_inserter(joined),
               [](char c) { return c != '\n'; });
  const Secret base64(std::move(joined));
  std::optional<std::string> blob = from_base64(base64.expose());
  if (!blob.has_value()) return damaged();
  const Secret bytes(std::move(*blob));
  return parse_private_blob(bytes.expose());
}

}  // namespace carrel::ssh
