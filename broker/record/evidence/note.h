#pragma once
// C2SP signed notes: a text, a blank line, and lines that each carry one signature over the text.
// Parsed strictly: a note has exactly one accepted spelling.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/keys.h"
#include "profiles/base/result.h"

namespace carrel::evidence {

enum class KeyType : uint8_t { kEd25519 = 1, kCosignature = 4 };

/// SHA-256(name || LF || type || key)[:4], big-endian.
uint32_t key_id(std::string_view name, KeyType type, const PublicKey& key);
/// True for a non-empty name without Unicode space, control bytes or '+'.
bool is_key_name(std::string_view name);

/// A public key with the name it signs under: "name+8 hex digits+base64(type || key)".
struct VerifierKey {
  std::string name;
  KeyType type = KeyType::kEd25519;
  PublicKey key{};
  uint32_t id = 0;  // = key_id(name, type, key)
  bool operator==(const VerifierKey&) const = default;
};
VerifierKey make_vkey(std::string_view name, const PublicKey& key,
                      KeyType type = KeyType::kEd25519);
/// An id that does not belong to the key, an unknown type or any other spelling is an Error.
Result<VerifierKey> parse_vkey(std::string_view text);
std::string format_vkey(const VerifierKey& key);

struct SignatureLine {
  std::string name;
  uint32_t key_id = 0;
  std::string blob;  // what follows the key id
  bool operator==(const SignatureLine&) const = default;
};

/// Neither text nor signatures are verified yet.
struct Note {
  std::string text;  // ends in LF
  std::vector<SignatureLine> signatures;
  bool operator==(const Note&) const = default;
};
/// At most 1 MiB and 100 signature lines.
Result<Note> parse_note(std::string_view bytes);
std::string format_note(const Note& note);

enum class SignatureState { kMissing, kGood, kBad };
/// What the note's lines with this key's name and id say. One bad line makes it kBad.
SignatureState check_signature(const Note& note, const VerifierKey& key);
/// The C2SP rule: at least one key signed, no known key's line is bad, no two equal keys given.
/// Answers the keys that signed, in the order given.
Result<std::vector<VerifierKey>> verify_note(const Note& note,
                                             const std::vector<VerifierKey>& known);

/// The line "— name base64\n" with the key's signature over `text`.
Result<std::string> sign_text(std::string_view text, std::string_view name, const SigningKey& key);
/// A whole note with this one signature.
Result<std::string> sign_note(std::string_view text, std::string_view name, const SigningKey& key);
/// `note` (whole, well-formed) with one more signature line over its text at the end.
Result<std::string> countersign(std::string_view note, std::string_view name,
                                const SigningKey& key);

/// Cuts a file of notes that follow each other (texts without blank lines) into single notes.
/// `rest` is what remains of a last note that breaks off; empty when the file is whole.
struct NotesFile {
  struct Entry {
    uint64_t offset = 0;
    std::string_view bytes;
  };
  std::vector<Entry> notes;
  std::string_view rest;
};
NotesFile split_notes(std::string_view file);

}  // namespace carrel::evidence
