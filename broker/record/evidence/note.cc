#include "broker/record/evidence/note.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"

namespace carrel::evidence {
namespace {

constexpr std::string_view kLinePrefix = "\xE2\x80\x94 ";  // an em dash and a space
constexpr size_t kMaxNote = 1U << 20;
constexpr size_t kMaxSignatures = 100;

/// Every code point that Unicode calls a space, as UTF-8.
constexpr std::array<std::string_view, 19> kSpaces = {" ",
                                                      "\xC2\x85",
                                                      "\xC2\xA0",
                                                      "\xE1\x9A\x80",
                                                      "\xE2\x80\x80",
                                                      "\xE2\x80\x81",
                                                      "\xE2\x80\x82",
                                                      "\xE2\x80\x83",
                                                      "\xE2\x80\x84",
                                                      "\xE2\x80\x85",
                                                      "\xE2\x80\x86",
                                                      "\xE2\x80\x87",
                                                      "\xE2\x80\x88",
                                                      "\xE2\x80\x89",
                                                      "\xE2\x80\x8A",
                                                      "\xE2\x80\xA8",
                                                      "\xE2\x80\xA9",
                                                      "\xE2\x80\xAF",
                                                      "\xE3\x80\x80"};
constexpr std::string_view kMediumMathematicalSpace = "\xE2\x81\x9F";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; });
}

std::string big_endian32(uint32_t value) {
  return {static_cast<char>(value >> 24 & 0xFF), static_cast<char>(value >> 16 & 0xFF),
          static_cast<char>(value >> 8 & 0xFF), static_cast<char>(value & 0xFF)};
}

template <typename T>
T from_big_endian(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[i]));
  return value;
}

Result<SignatureLine> parse_line(std::string_view line) {
  if (!line.starts_with(kLinePrefix)) return Error{"note: unexpected line among the signatures"};
  line.remove_prefix(kLinePrefix.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return Error{"note: signature line without a space"};
  SignatureLine out;
  out.name = line.substr(0, space);
  if (!is_key_name(out.name)) return Error{"note: malformed key name"};
  const auto blob = from_base64(line.substr(space + 1));
  if (!blob || blob->size() < 5) return Error{"note: malformed signature"};
  out.key_id = from_big_endian<uint32_t>(*blob);
  out.blob = blob->substr(4);
  return out;
}

bool blob_is_good(const Note& note, const VerifierKey& key, std::string_view blob) {
  if (key.type == KeyType::kEd25519)
    return blob.size() == 64 && verify_signature(key.key, note.text, to_array<64>(blob));
  if (blob.size() != 72) return false;
  const auto time = from_big_endian<uint64_t>(blob);
  if (time > INT64_MAX) return false;
  const std::string message = "cosignature/v1\ntime " + std::to_string(time) + "\n" + note.text;
  return verify_signature(key.key, message, to_array<64>(blob.substr(8)));
}

std::string format_line(const SignatureLine& line) {
  return std::string(kLinePrefix) + line.name + " " +
         to_base64(big_endian32(line.key_id) + line.blob) + "\n";
}

}  // namespace

uint32_t key_id(std::string_view name, KeyType type, const PublicKey& key) {
  Sha256 sha;
  sha.update(name);
  sha.update("\n");
  const char type_byte = static_cast<char>(type);
  sha.update({&type_byte, 1});
  return from_big_endian<uint32_t>(as_view(sha.of(as_view(key))));
}

bool is_key_name(std::string_view name) {
  if (name.empty() || name.size() > 256 || !is_utf8(name) || has_control(name)) return false;
  if (name.find_first_of("+\n\x7F") != std::string_view::npos) return false;
  if (name.find(kMediumMathematicalSpace) != std::string_view::npos) return false;
  return std::none_of(kSpaces.begin(), kSpaces.end(), [&](std::string_view space) {
    return name.find(space) != std::string_view::npos;
  });
}

VerifierKey make_vkey(std::string_view name, const PublicKey& key, KeyType type) {
  return VerifierKey{std::string(name), type, key, key_id(name, type, key)};
}

Result<VerifierKey> parse_vkey(std::string_view text) {
  const size_t first = text.find('+');
  const size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return Error{"verifier key: not NAME+ID+KEY"};
  const std::string_view name = text.substr(0, first);
  const auto body = from_base64(text.substr(second + 1));
  if (!is_key_name(name) || !body || body->size() != 33)
    return Error{"verifier key: malformed name or key"};
  const auto type = static_cast<KeyType>((*body)[0]);
  if (type != KeyType::kEd25519 && type != KeyType::kCosignature)
    return Error{"verifier key: unknown type"};
  VerifierKey key = make_vkey(name, to_array<32>(std::string_view(*body).substr(1)), type);
  if (format_vkey(key) != text) return Error{"verifier key: the id is not this key's"};
  return key;
}

std::string format_vkey(const VerifierKey& key) {
  const std::string body = static_cast<char>(key.type) + std::string(as_view(key.key));
  return key.name + "+" + to_hex(big_endian32(key.id)) + "+" + to_base64(body);
}

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kMaxNote) return Error{"note: larger than 1 MiB"};
  if (!is_utf8(bytes) || has_control(bytes)) return Error{"note: not plain UTF-8 text"};
  const size_t blank = bytes.rfind("\n\n");
  if (blank == std::string_view::npos) return Error{"note: no blank line before signatures"};
  Note note;
  note.text = bytes.substr(0, blank + 1);
  std::string_view rest = bytes.substr(blank + 2);
  if (rest.empty() || rest.back() != '\n') return Error{"note: signatures do not end in a line"};
  while (!rest.empty()) {
    if (note.signatures.size() == kMaxSignatures) return Error{"note: more than 100 signatures"};
    const size_t end = rest.find('\n');
    ASSIGN_OR_RETURN(SignatureLine line, parse_line(rest.substr(0, end)));
    note.signatures.push_back(std::move(line));
    rest.remove_prefix(end + 1);
  }
  return note;
}

std::string format_note(const Note& note) {
  std::string out = note.text + "\n";
  for (const SignatureLine& line : note.signatures)
    out += format_line(line);
  return out;
}

SignatureState check_signature(const Note& note, const VerifierKey& key) {
  SignatureState state = SignatureState::kMissing;
  for (const SignatureLine& line : note.signatures) {
    if (line.name != key.name || line.key_id != key.id) continue;
    if (!blob_is_good(note, key, line.blob)) return SignatureState::kBad;
    state = SignatureState::kGood;
  }
  return state;
}

Result<std::vector<VerifierKey>> verify_note(const Note& note,
                                             const std::vector<VerifierKey>& known) {
  std::vector<VerifierKey> signers;
  for (size_t i = 0; i < known.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      if (known[i].name == known[j].name && known[i].id == known[j].id)
        return Error{"note: two known keys have the same name and id"};
    const SignatureState state = check_signature(note, known[i]);
    if (state == SignatureState::kBad)
      return Error{"note: the signature of " + known[i].name + " does not verify"};
    if (state == SignatureState::kGood) signers.push_back(known[i]);
  }
  if (signers.empty()) return Error{"note: signed by no known key"};
  return signers;
}

Result<std::string> sign_text(std::string_view text, std::string_view name, const SigningKey& key) {
  if (!is_key_name(name)) return Error{"note: malformed key name"};
  if (text.empty() || text.back() != '\n' || has_control(text) || !is_utf8(text))
    return Error{"note: text to sign is not lines of plain UTF-8"};
  ASSIGN_OR_RETURN(const Signature signature, key.sign(text));
  const uint32_t id = key_id(name, KeyType::kEd25519, key.public_key());
  return format_line({std::string(name), id, std::string(as_view(signature))});
}

Result<std::string> sign_note(std::string_view text, std::string_view name, const SigningKey& key) {
  ASSIGN_OR_RETURN(const std::string line, sign_text(text, name, key));
  return std::string(text) + "\n" + line;
}

Result<std::string> countersign(std::string_view note, std::string_view name,
                                const SigningKey& key) {
  ASSIGN_OR_RETURN(const Note parsed, parse_note(note));
  if (parsed.signatures.size() == kMaxSignatures) return Error{"note: more than 100 signatures"};
  ASSIGN_OR_RETURN(const std::string line, sign_text(parsed.text, name, key));
  return std::string(note) + line;
}

NotesFile split_notes(std::string_view file) {
  NotesFile out;
  size_t at = 0;
  while (at < file.size()) {
    const size_t blank = file.find("\n\n", at);
    if (blank == std::string_view::npos || blank + 2 == file.size()) break;
    size_t end = blank + 2;
    bool broken_off = false;
    while (end < file.size() && !broken_off) {
      const std::string_view line = file.substr(end);
      const size_t common = std::min(line.size(), kLinePrefix.size());
      if (line.substr(0, common) != kLinePrefix.substr(0, common)) break;
      const size_t feed = line.find('\n');
      broken_off = feed == std::string_view::npos;
      end += broken_off ? 0 : feed + 1;
    }
    if (broken_off) break;
    out.notes.push_back({at, file.substr(at, end - at)});
    at = end;
  }
  out.rest = file.substr(at);
  return out;
}

}  // namespace carrel::evidence
