// The one spelling of a payload as tables: what encode_payload() writes for each message of
// events.proto. A new field or message needs its row here; the mutation test compares with
// decode_payload().

#include <array>
#include <span>

#include "broker/record/events/event.h"
#include "broker/record/events/wire.h"

namespace carrel::events {
namespace {

enum class Kind : uint8_t {
  kU32,
  kU64,
  kS32,
  kBool,
  kBytes,
  kBytesList,
  kU64List,
  kMessageList,
  kCounts
};

struct Field;
using Message = std::span<const Field>;

struct Field {
  uint8_t number;
  Kind kind;
  Message item = {};  // of kMessageList
};

constexpr std::array kProcess = {Field{1, Kind::kU32}, Field{2, Kind::kU32}, Field{3, Kind::kU32},
                                 Field{4, Kind::kBytes}};
constexpr std::array kProcessExec = {Field{1, Kind::kBytes}, Field{2, Kind::kBytesList},
                                     Field{3, Kind::kU32}, Field{4, Kind::kBool}};
constexpr std::array kPath = {Field{1, Kind::kBytes}};
constexpr std::array kTwoU32 = {Field{1, Kind::kU32}, Field{2, Kind::kU32}};
constexpr std::array kProcessExit = {Field{1, Kind::kS32}, Field{2, Kind::kS32}};
constexpr std::array kProcessRefused = {Field{1, Kind::kBytes}, Field{2, Kind::kU64List}};
constexpr std::array kFileOpen = {Field{1, Kind::kBytes}, Field{2, Kind::kU32},
                                  Field{3, Kind::kBool}, Field{4, Kind::kU64},
                                  Field{5, Kind::kU64}};
constexpr std::array kFileClose = {Field{1, Kind::kBytes}, Field{2, Kind::kU64},
                                   Field{3, Kind::kU64}, Field{4, Kind::kU64}};
constexpr std::array kTwoTexts = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes}};
constexpr std::array kFileMake = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                  Field{3, Kind::kBytes}};
constexpr std::array kFileChanged = {
    Field{1, Kind::kBytes}, Field{2, Kind::kBytes}, Field{3, Kind::kBytes},
    Field{4, Kind::kBytes}, Field{5, Kind::kU64},   Field{6, Kind::kU64},
    Field{7, Kind::kU32},   Field{8, Kind::kU32},   Field{9, Kind::kBytes}};
constexpr std::array kNetConnect = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                    Field{3, Kind::kU32}};
constexpr std::array kCredential = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                    Field{3, Kind::kBytes}, Field{4, Kind::kU64}};
constexpr std::array kPolicyTime = {Field{1, Kind::kBytes}, Field{2, Kind::kU64}};
constexpr std::array kPolicyAgreed = {Field{1, Kind::kBytes}, Field{2, Kind::kU64},
                                      Field{3, Kind::kBytes}, Field{4, Kind::kU64},
                                      Field{5, Kind::kBytes}, Field{6, Kind::kBytes}};
constexpr std::array kTextAndNumber = {Field{1, Kind::kBytes}, Field{2, Kind::kU32}};
constexpr std::array kLimit = {Field{1, Kind::kBytes}, Field{2, Kind::kU64}, Field{3, Kind::kU64},
                               Field{4, Kind::kU64}, Field{5, Kind::kBytes}};
constexpr std::array kAssuranceItem = {Field{1, Kind::kBytes}, Field{2, Kind::kBool},
                                       Field{3, Kind::kBytes}};
constexpr std::array kRule = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                              Field{3, Kind::kBytes}, Field{4, Kind::kU32}};
constexpr std::array kRecorderOpen = {Field{1, Kind::kBytes},
                                      Field{2, Kind::kBytes},
                                      Field{3, Kind::kBytes},
                                      Field{4, Kind::kU64},
                                      Field{5, Kind::kBytes},
                                      Field{6, Kind::kBytes},
                                      Field{7, Kind::kBytes},
                                      Field{8, Kind::kBytes},
                                      Field{9, Kind::kBytes},
                                      Field{10, Kind::kBytes},
                                      Field{11, Kind::kBytes},
                                      Field{12, Kind::kBytesList},
                                      Field{13, Kind::kBool},
                                      Field{14, Kind::kMessageList, kAssuranceItem},
                                      Field{15, Kind::kMessageList, kRule}};
constexpr std::array kRecorderLoss = {Field{1, Kind::kU64}, Field{2, Kind::kCounts}};
constexpr std::array kRecorderFreeze = {Field{1, Kind::kU64}};
constexpr std::array kRecorderEnd = {Field{1, Kind::kBytes}, Field{2, Kind::kS32},
                                     Field{3, Kind::kU64},   Field{4, Kind::kU64},
                                     Field{5, Kind::kU64},   Field{6, Kind::kCounts}};
constexpr std::array kDnsQuery = {
    Field{1, Kind::kU64},   Field{2, Kind::kBytes}, Field{3, Kind::kBytes}, Field{4, Kind::kBytes},
    Field{5, Kind::kBytes}, Field{6, Kind::kBytes}, Field{7, Kind::kU64}};
constexpr std::array kNetOpen = {Field{1, Kind::kU64}, Field{2, Kind::kBytes},
                                 Field{3, Kind::kBytes}, Field{4, Kind::kU32},
                                 Field{5, Kind::kBytes}};
constexpr std::array kNetClose = {
    Field{1, Kind::kU64}, Field{2, Kind::kBytes}, Field{3, Kind::kBytes}, Field{4, Kind::kU64},
    Field{5, Kind::kU64}, Field{6, Kind::kBytes}, Field{7, Kind::kBytes}, Field{8, Kind::kU64}};
constexpr std::array kNetRefused = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                    Field{3, Kind::kU32}, Field{4, Kind::kU64}};
constexpr std::array kNetBudget = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                   Field{3, Kind::kU64}, Field{4, Kind::kU64},
                                   Field{5, Kind::kU64}};
constexpr std::array kNetAnomaly = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                    Field{3, Kind::kBytes}};
constexpr std::array kTlsHello = {Field{1, Kind::kU64}, Field{2, Kind::kBytes},
                                  Field{3, Kind::kBytesList}, Field{4, Kind::kBytes},
                                  Field{5, Kind::kBytes}};
constexpr std::array kHttpRequest = {
    Field{1, Kind::kU64},    Field{2, Kind::kU64},    Field{3, Kind::kBytes},
    Field{4, Kind::kBytes},  Field{5, Kind::kBytes},  Field{6, Kind::kBytesList},
    Field{7, Kind::kBytes},  Field{8, Kind::kU32},    Field{9, Kind::kU64},
    Field{10, Kind::kU64},   Field{11, Kind::kBytes}, Field{12, Kind::kBytes},
    Field{13, Kind::kBytes}, Field{14, Kind::kBytes}, Field{15, Kind::kU32},
    Field{16, Kind::kBytes}, Field{17, Kind::kBytes}};
constexpr std::array kGrantChange = {Field{1, Kind::kBytes}, Field{2, Kind::kBytes},
                                     Field{3, Kind::kBytes}, Field{4, Kind::kBytes},
                                     Field{5, Kind::kBytes}, Field{6, Kind::kU64}};

struct Shape {
  uint16_t code;
  uint8_t field;  // of the data within Payload
  Message data;
};

constexpr std::array kShapes = {
    Shape{0x0101, 6, kFileOpen},        Shape{0x0102, 7, kFileClose},
    Shape{0x0103, 14, kTwoTexts},       Shape{0x0104, 15, kPath},
    Shape{0x0105, 18, kFileMake},       Shape{0x0106, 13, kPath},
    Shape{0x0107, 12, kPath},           Shape{0x0108, 19, kFileChanged},
    Shape{0x0201, 8, kProcessExec},     Shape{0x0202, 16, kPath},
    Shape{0x0203, 10, kTwoU32},         Shape{0x0204, 9, kProcessExit},
    Shape{0x0205, 17, kProcessRefused}, Shape{0x0301, 20, kNetConnect},
    Shape{0x0401, 11, kTwoTexts},       Shape{0x0402, 21, kTwoU32},
    Shape{0x0501, 22, kCredential},     Shape{0x0502, 22, kCredential},
    Shape{0x0503, 22, kCredential},     Shape{0x0601, 40, kTwoTexts},
    Shape{0x0602, 40, kTwoTexts},       Shape{0x0603, 40, kTwoTexts},
    Shape{0x0604, 41, kPolicyTime},     Shape{0x0605, 41, kPolicyTime},
    Shape{0x0606, 42, kPolicyAgreed},   Shape{0x0607, 37, kTwoTexts},
    Shape{0x0403, 43, kTwoTexts},       Shape{0x0404, 44, kTextAndNumber},
    Shape{0x0302, 45, kTextAndNumber},  Shape{0x0b01, 36, kLimit},
    Shape{0x0b02, 36, kLimit},          Shape{0x0b03, 36, kLimit},
    Shape{0x0b04, 36, kLimit},          Shape{0x0f01, 23, kRecorderOpen},
    Shape{0x0f02, 24, kRecorderLoss},   Shape{0x0f03, 25, kRecorderFreeze},
    Shape{0x0f04, 26, kRecorderEnd},    Shape{0x0701, 50, kDnsQuery},
    Shape{0x0303, 51, kNetOpen},        Shape{0x0304, 52, kNetClose},
    Shape{0x0305, 53, kNetRefused},     Shape{0x0306, 54, kNetBudget},
    Shape{0x0307, 54, kNetBudget},      Shape{0x0308, 55, kNetAnomaly},
    Shape{0x0801, 56, kTlsHello},       Shape{0x0901, 57, kHttpRequest},
    Shape{0x0a01, 58, kGrantChange},    Shape{0x0a02, 58, kGrantChange},
    Shape{0x0a03, 58, kGrantChange},    Shape{0x0a04, 58, kGrantChange},
};

/// A scalar that is written at all is not the default.
bool check_scalar(Kind kind, Wire* wire) {
  const auto value = wire->varint();
  if (!value || *value == 0) return false;
  if (kind == Kind::kBool) return *value == 1;
  return kind == Kind::kU64 || *value <= UINT32_MAX;
}

bool check_packed(std::string_view bytes) {
  if (bytes.empty()) return false;
  Wire wire(bytes);
  while (!wire.done())
    if (!wire.varint()) return false;
  return true;
}

/// One {1: name, 2: count}; names ascend, as those of a map do.
bool check_count(std::string_view bytes, bool first, std::string_view* last_name) {
  Wire wire(bytes);
  std::string_view name;
  auto key = wire.done() ? std::nullopt : wire.varint();
  if (key == (1 << 3 | Wire::kBytes)) {
    const auto text = wire.bytes();
    if (!text || text->empty()) return false;
    name = *text;
    key = wire.done() ? std::nullopt : wire.varint();
  }
  if (key && (*key != (2 << 3 | Wire::kVarint) || !check_scalar(Kind::kU64, &wire))) return false;
  if (!wire.done() || (!first && name <= *last_name)) return false;
  *last_name = name;
  return true;
}

bool is_scalar(Kind kind) {
  return kind <= Kind::kBool;
}
bool is_list(Kind kind) {
  return kind == Kind::kBytesList || kind == Kind::kMessageList || kind == Kind::kCounts;
}

bool check_message(std::string_view bytes, Message fields);

bool check_field(const Field& field, bool first, Wire* wire, std::string_view* last_name) {
  if (is_scalar(field.kind)) return check_scalar(field.kind, wire);
  const auto content = wire->bytes();
  if (!content) return false;
  switch (field.kind) {
    case Kind::kBytes:
      return !content->empty();
    case Kind::kU64List:
      return check_packed(*content);
    case Kind::kMessageList:
      return check_message(*content, field.item);
    case Kind::kCounts:
      return check_count(*content, first, last_name);
    default:
      return true;
  }
}

bool check_message(std::string_view bytes, Message fields) {  // NOLINT(misc-no-recursion)
  Wire wire(bytes);
  size_t at = 0;
  uint64_t last = 0;
  std::string_view last_name;
  while (!wire.done()) {
    const auto key = wire.varint();
    if (!key) return false;
    const uint64_t number = *key >> 3;
    while (at < fields.size() && fields[at].number < number)
      ++at;
    if (at == fields.size() || fields[at].number != number) return false;
    const Field& field = fields[at];
    if ((*key & 7) != (is_scalar(field.kind) ? Wire::kVarint : Wire::kBytes)) return false;
    const bool first = number != last;
    if (!first && !is_list(field.kind)) return false;
    if (!check_field(field, first, &wire, &last_name)) return false;
    last = number;
  }
  return true;
}

/// The five fields in front of the data; leaves the wire behind the data's key.
bool check_front(Wire* wire, uint8_t data_field) {
  uint64_t last = 0;
  bool has_verdict = false;
  while (!wire->done()) {
    const auto key = wire->varint();
    if (!key || *key <= last) return false;
    last = *key;
    if (*key == (uint64_t{data_field} << 3 | Wire::kBytes)) return has_verdict;
    bool good = false;
    if (*key == (1 << 3 | Wire::kVarint)) {
      const auto verdict = wire->varint();
      good = has_verdict = verdict && *verdict >= 1 && *verdict <= 3;
    } else if (*key == (2 << 3 | Wire::kBytes) || *key == (3 << 3 | Wire::kBytes)) {
      const auto text = wire->bytes();
      good = text && !text->empty();
    } else if (*key == (4 << 3 | Wire::kBytes)) {
      const auto process = wire->bytes();
      good = process && check_message(*process, kProcess);
    } else if (*key == (5 << 3 | Wire::kVarint)) {
      good = check_scalar(Kind::kS32, wire);
    }
    if (!good) return false;
  }
  return false;
}

}  // namespace

Status check_payload(uint16_t code, std::string_view payload) {
  if (payload.size() > kMaxPayload) return Error{"event payload is larger than 1 MiB"};
  for (const Shape& shape : kShapes) {
    if (shape.code != code) continue;
    Wire wire(payload);
    if (!check_front(&wire, shape.field)) break;
    const auto data = wire.bytes();
    if (!data || !wire.done() || !check_message(*data, shape.data)) break;
    return Done{};
  }
  return Error{"event payload is malformed or not in its one spelling"};
}

}  // namespace carrel::events
