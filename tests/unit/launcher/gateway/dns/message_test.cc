// Queries as a hostile workspace may write them, and answers as clients read them.

#include "launcher/gateway/dns/message.h"

#include <gtest/gtest.h>

#include <random>

namespace carrel::gateway {
namespace {

using Bytes = std::string;

Bytes b16(unsigned value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

Bytes header(unsigned flags, unsigned questions = 1, unsigned answers = 0, unsigned authority = 0,
             unsigned more = 0) {
  return b16(0x1234) + b16(flags) + b16(questions) + b16(answers) + b16(authority) + b16(more);
}

const Bytes kName("\3www\7ExAmple\3org\0", 17);
const Bytes kQuestion = kName + b16(1) + b16(1);
const Bytes kOpt = Bytes(1, '\0') + b16(41) + b16(1232) + Bytes(4, '\0') + b16(0);

const Query* as_query(const std::variant<std::monostate, Refused, Query>& read) {
  return std::get_if<Query>(&read);
}
int code_of(const Bytes& packet) {
  const auto read = read_query(packet);
  if (std::holds_alternative<std::monostate>(read)) return -1;
  const auto* refused = std::get_if<Refused>(&read);
  return refused == nullptr ? 0 : static_cast<int>(refused->code);
}

TEST(DnsQuery, IsReadAsItWasAsked) {
  const auto read = read_query(header(0x0100) + kQuestion);
  const Query* query = as_query(read);
  ASSERT_NE(query, nullptr);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_TRUE(query->recursion_desired);
  EXPECT_EQ(query->name, "www.ExAmple.org");
  EXPECT_EQ(query->question, kQuestion);
  EXPECT_EQ(query->type, kTypeA);
  EXPECT_EQ(query->klass, kClassIn);
  EXPECT_FALSE(query->edns);
  const auto with_edns = read_query(header(0, 1, 0, 0, 1) + kQuestion + kOpt);
  ASSERT_NE(as_query(with_edns), nullptr);
  EXPECT_TRUE(as_query(with_edns)->edns);
  EXPECT_FALSE(as_query(with_edns)->recursion_desired);
}

TEST(DnsQuery, WhatIsNoQueryIsNotAnswered) {
  EXPECT_EQ(code_of(header(0x8100) + kQuestion), -1);  // an answer: two servers could talk for ever
  EXPECT_EQ(code_of(""), -1);
  EXPECT_EQ(code_of(header(0).substr(0, 11)), -1);
}

TEST(DnsQuery, WhatIsNotWholeIsRefused) {
  constexpr int kFormat = 1;
  EXPECT_EQ(code_of(header(0x2800) + kQuestion), 4);  // UPDATE
  EXPECT_EQ(code_of(header(0x1000)), 4);              // STATUS
  EXPECT_EQ(code_of(header(0)), kFormat);
  EXPECT_EQ(code_of(header(0, 0)), kFormat);
  EXPECT_EQ(code_of(header(0, 2) + kQuestion + kQuestion), kFormat);
  EXPECT_EQ(code_of(header(0, 1, 1) + kQuestion), kFormat);
  EXPECT_EQ(code_of(header(0, 1, 0, 1) + kQuestion), kFormat);
  EXPECT_EQ(code_of(header(0, 1, 0, 0, 2) + kQuestion + kOpt + kOpt), kFormat);
  EXPECT_EQ(code_of(header(0x0200) + kQuestion), kFormat);  // truncated
  EXPECT_EQ(code_of(header(0) + kQuestion + "x"), kFormat);
  EXPECT_EQ(code_of(header(0, 1, 0, 0, 1) + kQuestion), kFormat);
  EXPECT_EQ(code_of(header(0, 1, 0, 0, 1) + kQuestion + kOpt + "x"), kFormat);
  EXPECT_EQ(code_of(header(0) + Bytes("\xc0\x0c") + b16(1) + b16(1)), kFormat);  // compression
  EXPECT_EQ(code_of(header(0) + Bytes("\3a.b\0", 5) + b16(1) + b16(1)),
            kFormat);  // a dot in a label
  EXPECT_EQ(code_of(header(0) + Bytes("\x40") + Bytes(64, 'a') + Bytes(1, '\0') + b16(1) + b16(1)),
            kFormat);
  Bytes longest;
  for (int i = 0; i < 127; ++i)
    longest += Bytes("\1a");
  EXPECT_EQ(code_of(header(0) + longest + Bytes(1, '\0') + b16(1) + b16(1)), 0);  // 255 bytes
  EXPECT_EQ(code_of(header(0) + longest + Bytes("\1a") + Bytes(1, '\0') + b16(1) + b16(1)),
            kFormat);
  for (size_t size = 12; size < (header(0) + kQuestion).size(); ++size)
    EXPECT_EQ(code_of((header(0) + kQuestion).substr(0, size)), kFormat) << size;
}

Query sample(bool edns) {
  Query query;
  query.id = 0x1234;
  query.recursion_desired = true;
  query.question = kQuestion;
  query.name = "www.ExAmple.org";
  query.type = kTypeA;
  query.klass = kClassIn;
  query.edns = edns;
  return query;
}

TEST(DnsAnswer, AnAddressIsOneRecordOfTheNameAsItWasAsked) {
  Answer answer;
  answer.address = 0xC6121001;
  answer.ttl_s = 60;
  EXPECT_EQ(write_answer(sample(false), answer), b16(0x1234) + b16(0x8180) + b16(1) + b16(1) +
                                                     b16(0) + b16(0) + kQuestion +
                                                     Bytes("\xc0\x0c") + b16(1) + b16(1) + b16(0) +
                                                     b16(60) + b16(4) + Bytes("\xC6\x12\x10\x01"));
}

TEST(DnsAnswer, ADenialSaysWhyWhereTheClientUnderstandsIt) {
  Answer answer;
  answer.code = Rcode::kNameError;
  answer.extended_error = 15;
  answer.extended_text = "no rule";
  const Bytes head = b16(0x1234) + b16(0x8183) + b16(1) + b16(0) + b16(0);
  EXPECT_EQ(write_answer(sample(false), answer), head + b16(0) + kQuestion);
  EXPECT_EQ(write_answer(sample(true), answer),
            head + b16(1) + kQuestion + Bytes(1, '\0') + b16(41) + b16(1232) + Bytes(4, '\0') +
                b16(4 + 2 + 7) + b16(15) + b16(2 + 7) + b16(15) + "no rule");
}

TEST(DnsAnswer, FitsIntoTheSmallestPacketWhateverIsSaid) {
  Query query = sample(true);
  query.question = Bytes(255, 'q') + b16(1) + b16(1);
  Answer answer;
  answer.extended_error = 15;
  answer.extended_text = Bytes(4000, 'x');
  EXPECT_LE(write_answer(query, answer).size(), 512U);
  answer.extended_text = "short";
  EXPECT_NE(write_answer(query, answer).find("short"), Bytes::npos);
  answer.address = 1;
  EXPECT_LE(write_answer(query, answer).size(), 512U);
  answer.address.reset();
  answer.pointer = Bytes(63, 'a') + "." + Bytes(63, 'b') + "." + Bytes(40, 'c');
  EXPECT_LE(write_answer(query, answer).size(), 512U);
}

TEST(DnsAnswer, APointerIsAName) {
  Answer answer;
  answer.pointer = "a.example";
  const Bytes written = write_answer(sample(false), answer);
  EXPECT_TRUE(written.ends_with(b16(11) + Bytes("\1a\7example\0", 11)));
}

TEST(DnsAnswer, ARefusalHasTheIdAndNothingElse) {
  EXPECT_EQ(write_refusal({0x1234, Rcode::kNotImplemented}),
            b16(0x1234) + b16(0x8084) + Bytes(8, '\0'));
}

/// What is read lies inside the packet, and its answer can be read as an answer to it.
TEST(DnsQuery, FuzzedPacketsAreReadWholeOrNotAtAll) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  int taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    Bytes packet = header(0x0100, 1, 0, 0, random() % 2) + kQuestion;
    if (packet[11] == 1) packet += kOpt;
    for (uint32_t change = random() % 4; change > 0; --change)
      packet[random() % packet.size()] = static_cast<char>(random());
    if (random() % 4 == 0) packet.resize(random() % (packet.size() + 1));
    const auto read = read_query(packet);
    const Query* query = as_query(read);
    if (query == nullptr) continue;
    ++taken;
    ASSERT_NE(packet.find(query->question), Bytes::npos);
    ASSERT_LE(query->name.size(), 254U);
    const Bytes written = write_answer(*query, Answer{});
    ASSERT_EQ(written.substr(0, 2), packet.substr(0, 2));
    ASSERT_TRUE(std::holds_alternative<std::monostate>(read_query(written)));
  }
  EXPECT_GT(taken, 5000);
}

}  // namespace
}  // namespace carrel::gateway
