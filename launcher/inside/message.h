#pragma once
// The questions that may be asked from inside a workspace, and their answers: one packet each
// (SOCK_SEQPACKET), so that there is no half of one. Both sides take the other for hostile.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel::inside {

/// Where carrel-session listens, as seen inside.
inline constexpr const char* kSocketPath = "/run/carrel/inside/socket";

enum class Ask : uint16_t {
  kStatus = 1,       // no subject
  kLastDenials = 2,  // no subject
  kPath = 3,         // subject: an absolute path, not resolved
  kAddress = 4,      // subject: a URL or host name
  kGitMessage = 5,   // subject: the asker's folder, NUL, what git printed
  kNetwork = 6,      // subject: HOST or HOST:PORT, NUL, "" or "tcp", NUL, until when, NUL, why
  kCredential = 7,   // subject: NAME, NUL, until when, NUL, why
};

struct Question {
  Ask ask = Ask::kStatus;
  std::string subject;
  bool operator==(const Question&) const = default;
};

/// What the asking program exits with, and what it prints: lines of printable text, LF at the end.
struct Answer {
  uint8_t status = 0;  // 0 allowed or told, 1 not understood, 2 denied
  std::string text;
  bool operator==(const Answer&) const = default;
};

inline constexpr size_t kMaxSubject = 8192;
inline constexpr size_t kMaxText = 32 * 1024;
/// No packet is longer; a receiver makes room for one byte more and refuses what fills it.
inline constexpr size_t kMaxPacket = 8 + kMaxText;

/// The one spelling: u16 version (1), u16 kind, u32 length of what follows; little-endian. An
/// answer's kind is 0x100 + status. Text beyond the bound is cut at a line.
std::string to_packet(const Question& question);
std::string to_packet(Answer answer);

/// An Error for everything else: another version, kind or length, a subject where none belongs, a
/// path that is not absolute or holds a NUL.
Result<Question> parse_question(std::string_view packet);
Result<Answer> parse_answer(std::string_view packet);

/// Lines that somebody else wrote, safe on a terminal: one that holds anything but printable text
/// is escaped as quoted() does.
std::string printable(std::string_view text);

}  // namespace carrel::inside
