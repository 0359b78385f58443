#include <gtest/gtest.h>

#include <random>
#include <set>

#include "broker/record/events/event.h"
#include "broker/record/events/payload_head.h"
#include "profiles/base/text.h"
#include "tests/unit/broker/record/sample_events.h"

namespace carrel::events {
namespace {

Event without_place(Event event) {
  event.seq = event.mono_ns = event.real_ns = 0;
  return event;
}

TEST(EventTypes, EveryTypeHasOneNameAndCode) {
  std::set<std::string_view> seen;
  std::set<size_t> shapes;
  for (const Data& data : sample_data()) {
    ASSERT_NE(type_code(data), 0);
    EXPECT_EQ(type_name(data), type_name(type_code(data)));
    seen.insert(type_name(data));
    shapes.insert(data.index());
  }
  const auto names = type_names();
  EXPECT_EQ(shapes.size(), std::variant_size_v<Data>);
  EXPECT_EQ(seen, std::set<std::string_view>(names.begin(), names.end()));
  EXPECT_EQ(type_name(uint16_t{0x0101}), "file.open");
  EXPECT_EQ(type_name(uint16_t{0x0f04}), "recorder.end");
  EXPECT_EQ(type_name(uint16_t{0}), "");
  EXPECT_EQ(type_code(Credential{"stolen", "", "", "", 0}), 0);
  EXPECT_EQ(type_code(PolicyOrder{"praised", "", ""}), 0);
  EXPECT_EQ(type_code(PolicyTime{"near", "", 0}), 0);
  EXPECT_EQ(type_code(Limit{"ignored", "memory", 1, 1, 1, ""}), 0);
}

TEST(Payload, EveryTypeComesBackEqual) {
  for (const Event& event : sample_events(3 * sample_data().size())) {
    const uint16_t code = type_code(event.data);
    const std::string payload = encode_payload(event);
    const auto back = decode_payload(code, payload);
    ASSERT_TRUE(back.ok()) << back.error().what;
    EXPECT_EQ(back.value(), without_place(event)) << type_name(event.data);
    EXPECT_TRUE(check_payload(code, payload).ok()) << type_name(event.data);
    const auto head = read_payload_head(payload);
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head.value().verdict, static_cast<uint32_t>(event.verdict));
    EXPECT_EQ(head.value().rule, event.rule);
    EXPECT_EQ(head.value().actor, event.process ? event.process->id : 0);
  }
}

TEST(Payload, AnotherTypesCodeIsRefused) {
  const auto events = sample_events(sample_data().size());
  for (const Event& event : events) {
    for (const Event& other : events) {
      if (type_code(event.data) == type_code(other.data)) continue;
      const auto decoded = decode_payload(type_code(other.data), encode_payload(event));
      EXPECT_EQ(check_payload(type_code(other.data), encode_payload(event)).ok(), decoded.ok());
      // Types that share one shape are told apart by the code alone.
      EXPECT_EQ(decoded.ok(), event.data.index() == other.data.index());
    }
  }
  EXPECT_FALSE(decode_payload(0x7777, encode_payload(events[0])).ok());
}

TEST(Payload, OnlyOneSpelling) {
  const Event event = sample_events(8)[7];
  const uint16_t code = type_code(event.data);
  const std::string payload = encode_payload(event);
  ASSERT_TRUE(decode_payload(code, payload).ok());
  EXPECT_FALSE(decode_payload(code, payload + std::string("\xF8\x3F\x01", 3)).ok());  // unknown
  EXPECT_FALSE(decode_payload(code, std::string("\x08\x03", 2) + payload).ok());      // twice
  EXPECT_FALSE(decode_payload(code, payload + std::string("\x1A\x00", 2)).ok());      // default
  EXPECT_FALSE(decode_payload(code, "").ok());
  EXPECT_FALSE(decode_payload(code, std::string(kMaxPayload + 1, '\x08')).ok());
}

/// A length-delimited field with a number below 16, or its front part with a longer key.
std::string bytes_field(int number, const std::string& content) {
  std::string out;
  const int key = number << 3 | 2;
  if (key >= 0x80) out += static_cast<char>((key & 0x7F) | 0x80);
  out += static_cast<char>(key >= 0x80 ? key >> 7 : key);
  return out + static_cast<char>(content.size()) + content;
}

TEST(Payload, HandMadeSpellings) {
  const std::string verdict("\x08\x03", 2);
  const auto both = [](uint16_t code, const std::string& payload) {
    const bool decoded = decode_payload(code, payload).ok();
    EXPECT_EQ(check_payload(code, payload).ok(), decoded) << code << " " << to_hex(payload);
    return decoded;
  };
  const auto fork = [&](const std::string& data) { return verdict + bytes_field(10, data); };
  EXPECT_TRUE(both(0x0203, fork("")));
  EXPECT_TRUE(both(0x0203, fork("\x08\x01")));
  EXPECT_TRUE(both(0x0203, fork("\x08\xFF\xFF\xFF\xFF\x0F")));
  EXPECT_FALSE(both(0x0203, fork("\x08\xFF\xFF\xFF\xFF\x1F")));  // above 32 bits
  EXPECT_FALSE(both(0x0203, fork("\x08\x81\x80\x00")));          // not the shortest
  EXPECT_FALSE(both(0x0203, fork(std::string("\x08\x00", 2))));  // a default
  EXPECT_FALSE(both(0x0203, fork("\x10\x01\x08\x01")));          // descending
  EXPECT_FALSE(both(0x0203, fork("\x08\x01\x08\x01")));          // twice
  EXPECT_FALSE(both(0x0203, fork("\x18\x01")));                  // unknown
  EXPECT_FALSE(both(0x0203, fork("\x0D\x01\x01\x01\x01")));      // another wire type
  EXPECT_FALSE(both(0x0203, fork("") + fork("").substr(2)));     // data twice
  EXPECT_FALSE(both(0x0203, bytes_field(10, "")));               // no verdict
  EXPECT_FALSE(both(0x0203, "\x08\x04" + bytes_field(10, "")));
  EXPECT_TRUE(both(0x0101, verdict + bytes_field(6, "\x18\x01")));
  EXPECT_FALSE(both(0x0101, verdict + bytes_field(6, "\x18\x02")));  // a bool is 1
  EXPECT_TRUE(both(0x0204, verdict + bytes_field(9, "\x08\x01")));
  EXPECT_FALSE(both(0x0204, verdict + bytes_field(9, "\x08\xFF\xFF\xFF\xFF\x1F")));
  EXPECT_FALSE(both(0x0101, verdict + "\x28\xFF\xFF\xFF\xFF\x1F" + bytes_field(6, "")));
  EXPECT_FALSE(both(0x0101, verdict + bytes_field(2, "") + bytes_field(6, "")));
  EXPECT_TRUE(both(0x0101, verdict + bytes_field(4, "") + bytes_field(6, "")));
}

TEST(Payload, HandMadeLists) {
  const std::string verdict("\x08\x03", 2);
  const auto both = [](uint16_t code, const std::string& payload) {
    const bool decoded = decode_payload(code, payload).ok();
    EXPECT_EQ(check_payload(code, payload).ok(), decoded) << code << " " << to_hex(payload);
    return decoded;
  };
  const auto exec = [&](const std::string& data) { return verdict + bytes_field(8, data); };
  EXPECT_TRUE(both(0x0201, exec(bytes_field(2, "") + bytes_field(2, "b") + bytes_field(2, "a"))));
  EXPECT_FALSE(both(0x0201, exec(bytes_field(2, "a") + "\x18\x01" + bytes_field(2, "b"))));
  const auto refused = [&](const std::string& data) { return verdict + bytes_field(17, data); };
  EXPECT_TRUE(both(0x0205, refused(bytes_field(2, std::string("\x00\x01", 2)))));
  EXPECT_FALSE(both(0x0205, refused(bytes_field(2, ""))));
  EXPECT_FALSE(both(0x0205, refused("\x10\x01")));  // not packed
  EXPECT_FALSE(both(0x0205, refused(bytes_field(2, std::string("\x81\x00", 2)))));
  const auto loss = [&](const std::string& data) { return verdict + bytes_field(24, data); };
  const auto count = [](const std::string& name, char n) {
    return bytes_field(2, bytes_field(1, name) + "\x10" + n);
  };
  EXPECT_TRUE(both(0x0f02, loss(count("a", 1) + count("b", 2) + count("ba", 1))));
  EXPECT_TRUE(both(0x0f02, loss(bytes_field(2, "") + bytes_field(2, bytes_field(1, "a")))));
  EXPECT_FALSE(both(0x0f02, loss(count("b", 1) + count("a", 2))));
  EXPECT_FALSE(both(0x0f02, loss(count("a", 1) + count("a", 1))));
  EXPECT_FALSE(both(0x0f02, loss(count("a", 0))));
  EXPECT_FALSE(both(0x0f02, loss(bytes_field(2, bytes_field(1, "")))));
  EXPECT_FALSE(both(0x0f02, loss(bytes_field(2, "\x10\x01" + bytes_field(1, "a")))));
  EXPECT_TRUE(both(0x0f02, loss(count("\x7F", 1) + count("\x80", 1))));  // as unsigned bytes
}

TEST(Payload, MutationsNeverCrashAndNeverChangeSpelling) {
  std::mt19937 random(20261124);  // NOLINT: a fixed seed makes failures repeatable
  const auto events = sample_events(sample_data().size());
  size_t accepted = 0;
  for (int round = 0; round < 300000; ++round) {
    const Event& event = events[random() % events.size()];
    std::string payload = encode_payload(event);
    const size_t edits = 1 + random() % 3;
    for (size_t i = 0; i < edits && !payload.empty(); ++i) {
      const size_t at = random() % payload.size();
      switch (random() % 4) {
        case 0:
          payload[at] = static_cast<char>(random());
          break;
        case 1:
          payload.erase(at, 1 + random() % 4);
          break;
        case 2:
          payload.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          payload.resize(at);
      }
    }
    const auto head = read_payload_head(payload);
    const auto decoded = decode_payload(type_code(event.data), payload);
    ASSERT_EQ(check_payload(type_code(event.data), payload).ok(), decoded.ok())
        << type_name(event.data) << " " << to_hex(payload);
    if (!decoded.ok()) continue;
    ++accepted;
    EXPECT_EQ(encode_payload(decoded.value()), payload);
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head.value().rule, decoded.value().rule);
    EXPECT_EQ(head.value().verdict, static_cast<uint32_t>(decoded.value().verdict));
    EXPECT_EQ(head.value().actor, decoded.value().process ? decoded.value().process->id : 0);
  }
  EXPECT_GT(accepted, 1000U);
}

}  // namespace
}  // namespace carrel::events
