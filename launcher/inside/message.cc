#include "launcher/inside/message.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "profiles/base/text.h"

namespace carrel::inside {
namespace {

constexpr size_t kHead = 8;
constexpr uint16_t kVersion = 1;
constexpr uint16_t kAnswer = 0x100;
constexpr uint8_t kMaxStatus = 2;

struct Packet {
  uint16_t kind = 0;
  std::string_view body;
};

void put(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xFF);
}

uint64_t get(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string make_packet(uint16_t kind, std::string_view body) {
  std::string out;
  out.reserve(kHead + body.size());
  put(out, kVersion, 2);
  put(out, kind, 2);
  put(out, body.size(), 4);
  return out.append(body);
}

Result<Packet> take_apart(std::string_view packet, size_t most) {
  const bool whole = packet.size() >= kHead && packet.size() <= kHead + most &&
                     get(packet.substr(0, 2)) == kVersion &&
                     get(packet.substr(4, 4)) == packet.size() - kHead;
  if (!whole) return Error{"no message of carrel's", EPROTO};
  return Packet{static_cast<uint16_t>(get(packet.substr(2, 2))), packet.substr(kHead)};
}

bool is_good(const Question& question) {
  const std::string& subject = question.subject;
  const size_t nul = subject.find('\0');
  switch (question.ask) {
    case Ask::kStatus:
    case Ask::kLastDenials:
      return subject.empty();
    case Ask::kPath:
      return subject.starts_with('/') && nul == std::string::npos;
    case Ask::kAddress:
      return !subject.empty() && nul == std::string::npos;
    case Ask::kGitMessage:
      return subject.starts_with('/') && nul != std::string::npos &&
             subject.find('\0', nul + 1) == std::string::npos;
    case Ask::kNetwork:
      return nul != 0 && std::count(subject.begin(), subject.end(), '\0') == 3;
    case Ask::kCredential:
      return nul != 0 && std::count(subject.begin(), subject.end(), '\0') == 2;
  }
  return false;
}

/// Safe to show as it is, backslashes aside: those are of escapes that were made already.
bool is_plain(std::string_view line) {
  std::string text(line);
  text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
  return quoted(text) == text;
}

}  // namespace

std::string to_packet(const Question& question) {
  return make_packet(static_cast<uint16_t>(question.ask), question.subject);
}

std::string to_packet(Answer answer) {
  if (answer.text.size() > kMaxText) {
    constexpr std::string_view kCut = "(more is left out)\n";
    answer.text.resize(kMaxText - kCut.size());
    answer.text.resize(answer.text.rfind('\n') + 1);
    answer.text += kCut;
  }
  return make_packet(static_cast<uint16_t>(kAnswer + answer.status), answer.text);
}

Result<Question> parse_question(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Packet packet, take_apart(bytes, kMaxSubject));
  const Question question{static_cast<Ask>(packet.kind), std::string(packet.body)};
  if (!is_good(question)) return Error{"no question of carrel's", EPROTO};
  return question;
}

Result<Answer> parse_answer(std::string_view bytes) {
  ASSIGN_OR_RETURN(const Packet packet, take_apart(bytes, kMaxText));
  if (packet.kind < kAnswer || packet.kind > kAnswer + kMaxStatus) {
    return Error{"no answer of carrel's", EPROTO};
  }
  return Answer{static_cast<uint8_t>(packet.kind - kAnswer), std::string(packet.body)};
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, size);
    out += is_plain(line) ? std::string(line) : quoted(line);
    if (size < text.size()) out += '\n';
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return out;
}

}  // namespace carrel::inside
