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
  for (const Data& data : sample_data()) {
    ASSERT_NE(type_code(data), 0);
    EXPECT_EQ(type_name(data), type_name(type_code(data)));
    seen.insert(type_name(data));
  }
  const auto names = type_names();
  EXPECT_EQ(seen, std::set<std::string_view>(names.begin(), names.end()));
  EXPECT_EQ(std::variant_size_v<Data> + 2, names.size());  // credential.* are three types of one
  EXPECT_EQ(type_name(uint16_t{0x0101}), "file.open");
  EXPECT_EQ(type_name(uint16_t{0x0f04}), "recorder.end");
  EXPECT_EQ(type_name(uint16_t{0}), "");
  EXPECT_EQ(type_code(Credential{"stolen", "", "", "", 0}), 0);
}

TEST(Payload, EveryTypeComesBackEqual) {
  for (const Event& event : sample_events(72)) {
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
  const auto events = sample_events(24);
  for (const Event& event : events) {
    for (const Event& other : events) {
      if (type_code(event.data) == type_code(other.data)) continue;
      const auto decoded = decode_payload(type_code(other.data), encode_payload(event));
      EXPECT_EQ(check_payload(type_code(other.data), encode_payload(event)).ok(), decoded.ok());
      // The three credential types share one shape; only the code tells them apart.
      const bool both_credentials = std::holds_alternative<Credential>(event.data) &&
                                    std::holds_alternative<Credential>(other.data);
      EXPECT_EQ(decoded.ok(), both_credentials);
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

TEST(Payload, MutationsNeverCrashAndNeverChangeSpelling) {
  std::mt19937 random(20261124);  // NOLINT: a fixed seed makes failures repeatable
  const auto events = sample_events(24);
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
