#include "broker/wire/ticket/ticket.h"

#include <gtest/gtest.h>

#include "profiles/base/text.h"

namespace carrel::ticket {
namespace {

constexpr uint64_t kNow = 1'700'000'000'000'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr uid_t kUid = 12345;

evidence::SigningKey key(char fill = 'k') {
  return evidence::SigningKey::from_seed(Secret(std::string(32, fill))).take();
}

Claims claims() {
  Claims out;
  out.uid = kUid;
  out.not_after_ns = kNow + 30 * kSecond;
  out.id = std::string(kIdBytes, 'i');
  out.session = "01hzw00000000000000000000a";
  out.workspace = "01hzw00000000000000000000b";
  out.task = "local/mend";
  out.digest = evidence::sha256("spec");
  return out;
}

std::string made(const Claims& what = claims(), char fill = 'k') {
  return make_ticket(what, key(fill)).take();
}

Result<Claims> checked(const std::string& ticket, uid_t uid = kUid, uint64_t now_ns = kNow) {
  return check_ticket(ticket, key().public_key(), Purpose::kOpen, uid, now_ns);
}

std::string refusal(const Result<Claims>& result) {
  if (result.ok()) return "accepted";
  return result.error().what;
}

/// Ed25519 signs the same bytes in the same way: a ticket is a vector.
TEST(Ticket, IsTheseBytes) {
  const std::string ticket = made();
  ASSERT_EQ(ticket.size(), 8 + 1 + 1 + 4 + 8 + 32 + 32 + 27 + 27 + 11 + 64U);
  EXPECT_EQ(to_hex(ticket.substr(0, 22)), "63617272656c746b01013930000000ac4d32059d9717");
  EXPECT_EQ(ticket.substr(22, 32), std::string(32, 'i'));
  EXPECT_EQ(ticket.substr(54, 32), evidence::as_view(evidence::sha256("spec")));
  EXPECT_EQ(ticket.substr(86, 27),
            "\x1a"
            "01hzw00000000000000000000a");
  EXPECT_EQ(ticket.substr(140, 11), "\x0alocal/mend");
}

TEST(Ticket, SaysWhatWasGranted) {
  const auto read = checked(made());
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  EXPECT_EQ(read.value().uid, kUid);
  EXPECT_EQ(read.value().session, claims().session);
  EXPECT_EQ(read.value().workspace, claims().workspace);
  EXPECT_EQ(read.value().task, "local/mend");
  EXPECT_EQ(read.value().digest, claims().digest);
  EXPECT_EQ(read.value().id, claims().id);
}

TEST(Ticket, OfAnotherKeyIsForged) {
  EXPECT_TRUE(refusal(checked(made(claims(), 'z')))
                  .starts_with("the ticket was not signed by the broker that runs now"));
}

TEST(Ticket, WithAnyByteFlippedIsForged) {
  const std::string good = made();
  ASSERT_TRUE(checked(good).ok());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_TRUE(refusal(checked(bad)).starts_with("the ticket was not signed")) << i;
  }
}

TEST(Ticket, CutShortOrLengthenedIsNone) {
  const std::string good = made();
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(refusal(checked(good.substr(0, size))), "accepted") << size;
  EXPECT_TRUE(refusal(checked(good + "x")).starts_with("the ticket was not signed"));
  EXPECT_EQ(refusal(checked("")), "this is no ticket: it has 0 bytes");
  EXPECT_EQ(refusal(checked(std::string(32, 'x'))), "this is no ticket: it has 32 bytes");
  EXPECT_EQ(refusal(checked(good + std::string(kMaxTicket, 'x'))),
            "this is no ticket: it has " + std::to_string(good.size() + kMaxTicket) + " bytes");
}

/// Who holds the key, but is of another version, is not believed either.
TEST(Ticket, SignedButMalformedIsRefused) {
  const std::string body = made().substr(0, made().size() - 64);
  for (const std::string& bytes : {body + "x", body.substr(0, body.size() - 1),
                                   std::string(100, 'x'), "carreltk\x02" + body.substr(9)}) {
    const auto signature = key().sign(bytes).take();
    EXPECT_TRUE(refusal(checked(bytes + std::string(evidence::as_view(signature))))
                    .starts_with("the ticket is malformed"));
  }
}

TEST(Ticket, OfAnotherUidIsRefused) {
  EXPECT_EQ(refusal(checked(made(), kUid + 1)), "the ticket was given to another user");
  EXPECT_EQ(refusal(checked(made(), 0)), "the ticket was given to another user");
}

TEST(Ticket, EndsWithItsTime) {
  EXPECT_TRUE(checked(made(), kUid, kNow + 30 * kSecond - 1).ok());
  EXPECT_EQ(refusal(checked(made(), kUid, kNow + 30 * kSecond)), "the ticket has ended: ask again");
  EXPECT_EQ(refusal(checked(made(), kUid, UINT64_MAX)), "the ticket has ended: ask again");
}

TEST(Ticket, ThatClaimsALongLifeIsRefused) {
  Claims long_lived = claims();
  long_lived.not_after_ns = kNow + kMaxLifeNs + 1;
  EXPECT_TRUE(refusal(checked(made(long_lived))).starts_with("the ticket claims a longer life"));
}

TEST(Ticket, IsForOnePurpose) {
  Claims erase = claims();
  erase.purpose = Purpose::kErase;
  EXPECT_EQ(refusal(checked(made(erase))), "the ticket is for something else");
  EXPECT_TRUE(check_ticket(made(erase), key().public_key(), Purpose::kErase, kUid, kNow).ok());
}

TEST(Ticket, HoldsNoLongNames) {
  Claims much = claims();
  much.task = std::string(256, 't');
  EXPECT_FALSE(make_ticket(much, key()).ok());
  much = claims();
  much.id = "short";
  EXPECT_FALSE(make_ticket(much, key()).ok());
}

}  // namespace
}  // namespace carrel::ticket
