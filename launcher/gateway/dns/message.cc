#include "launcher/gateway/dns/message.h"

#include <algorithm>

namespace carrel::gateway {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kMaxWireName = 255;
constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxUdp = 512;
constexpr uint16_t kTypeOpt = 41;
constexpr uint16_t kOptionExtendedError = 15;
constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kOpcode = 0x7800;
constexpr uint16_t kTruncated = 0x0200;
constexpr uint16_t kRecursionDesired = 0x0100;
constexpr uint16_t kRecursionAvailable = 0x0080;
constexpr uint16_t kOurUdpSize = 1232;

uint16_t number_at(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                               static_cast<unsigned char>(bytes[at + 1]));
}

void add16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}

void add32(std::string& out, uint32_t value) {
  add16(out, static_cast<uint16_t>(value >> 16));
  add16(out, static_cast<uint16_t>(value & 0xffff));
}

/// The bytes of the name at the front of `rest`, without compression; 0 when there is none.
size_t read_name(std::string_view rest, std::string& name) {
  size_t at = 0;
  while (at < rest.size() && at < kMaxWireName) {
    const auto length = static_cast<unsigned char>(rest[at]);
    if (length == 0) return at + 1;
    if (length > kMaxLabel || at + 1 + length >= rest.size()) return 0;
    const std::string_view label = rest.substr(at + 1, length);
    // Read as two labels it would be another name.
    if (label.find('.') != std::string_view::npos) return 0;
    name += (name.empty() ? "" : ".") + std::string(label);
    at += 1 + size_t{length};
  }
  return 0;
}

/// An OPT record and nothing behind it: 0 and version 0 in what is looked at.
bool is_opt(std::string_view rest) {
  constexpr size_t kFixed = 11;  // root, type, size, extended code, version, flags, length
  return rest.size() >= kFixed && rest[0] == 0 && number_at(rest, 1) == kTypeOpt && rest[6] == 0 &&
         rest.size() == kFixed + number_at(rest, 9);
}

void add_name(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const size_t dot = std::min(name.find('.'), name.size());
    out += static_cast<char>(dot);
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out += '\0';
}

void add_record(std::string& out, uint16_t type, uint32_t ttl_s, std::string_view data) {
  constexpr uint16_t kNameOfQuestion = 0xc00c;  // a pointer to offset 12
  add16(out, kNameOfQuestion);
  add16(out, type);
  add16(out, kClassIn);
  add32(out, ttl_s);
  add16(out, static_cast<uint16_t>(data.size()));
  out += data;
}

void add_opt(std::string& out, const Answer& answer) {
  std::string options;
  if (answer.extended_error.has_value()) {
    add16(options, kOptionExtendedError);
    const size_t room = kMaxUdp - std::min(kMaxUdp, out.size() + 11 + 6);
    const std::string_view text = std::string_view(answer.extended_text);
    const std::string_view told = text.size() <= room ? text : "";
    add16(options, static_cast<uint16_t>(2 + told.size()));
    add16(options, *answer.extended_error);
    options += told;
  }
  out += '\0';
  add16(out, kTypeOpt);
  add16(out, kOurUdpSize);
  add32(out, 0);
  add16(out, static_cast<uint16_t>(options.size()));
  out += options;
}

std::string header(uint16_t id, uint16_t flags, uint16_t questions, uint16_t answers,
                   uint16_t additional) {
  std::string out;
  for (const uint16_t each : {id, flags, questions, answers, uint16_t{0}, additional})
    add16(out, each);
  return out;
}

}  // namespace

std::variant<std::monostate, Refused, Query> read_query(std::string_view packet) {
  if (packet.size() < kHeader) return std::monostate();
  Query query;
  query.id = number_at(packet, 0);
  const uint16_t flags = number_at(packet, 2);
  if ((flags & kResponse) != 0) return std::monostate();
  if ((flags & kOpcode) != 0) return Refused{query.id, Rcode::kNotImplemented};
  const Refused malformed{query.id, Rcode::kFormatError};
  const uint16_t additional = number_at(packet, 10);
  if ((flags & kTruncated) != 0 || number_at(packet, 4) != 1 || number_at(packet, 6) != 0 ||
      number_at(packet, 8) != 0 || additional > 1)
    return malformed;
  query.recursion_desired = (flags & kRecursionDesired) != 0;
  std::string_view rest = packet.substr(kHeader);
  const size_t name = read_name(rest, query.name);
  constexpr size_t kTypeAndClass = 4;
  if (name == 0 || rest.size() < name + kTypeAndClass) return malformed;
  query.type = number_at(rest, name);
  query.klass = number_at(rest, name + 2);
  query.question = rest.substr(0, name + kTypeAndClass);
  rest.remove_prefix(name + kTypeAndClass);
  query.edns = additional == 1;
  if (query.edns ? !is_opt(rest) : !rest.empty()) return malformed;
  return query;
}

std::string write_answer(const Query& query, const Answer& answer) {
  const bool has_record = answer.address.has_value() || !answer.pointer.empty();
  const auto flags = static_cast<uint16_t>(kResponse | kRecursionAvailable |
                                           (query.recursion_desired ? kRecursionDesired : 0) |
                                           static_cast<uint16_t>(answer.code));
  std::string out = header(query.id, flags, 1, has_record ? 1 : 0, query.edns ? 1 : 0);
  out += query.question;
  std::string data;
  if (answer.address.has_value()) {
    add32(data, *answer.address);
    add_record(out, kTypeA, answer.ttl_s, data);
  } else if (!answer.pointer.empty()) {
    add_name(data, answer.pointer);
    add_record(out, kTypePtr, answer.ttl_s, data);
  }
  if (query.edns) add_opt(out, answer);
  return out;
}

std::string write_refusal(const Refused& refused) {
  const auto flags =
      static_cast<uint16_t>(kResponse | kRecursionAvailable | static_cast<uint16_t>(refused.code));
  return header(refused.id, flags, 0, 0, 0);
}

}  // namespace carrel::gateway
