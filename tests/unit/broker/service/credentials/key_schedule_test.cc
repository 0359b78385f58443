#include "broker/service/credentials/key_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "broker/service/credentials/issuer.h"

namespace carrel::credentials {
namespace {

using Times = std::vector<uint64_t>;
constexpr uint64_t kStart = 1'700'000'000;

TEST(KeyPlan, MakesAKeyWhereThereIsNoneOrItIsOld) {
  EXPECT_EQ(plan_keys(Times{}, kStart), (KeyPlan{true, {}}));
  EXPECT_EQ(plan_keys(Times{kStart}, kStart), (KeyPlan{false, {}}));
  EXPECT_EQ(plan_keys(Times{kStart}, kStart + kKeyLifeS), (KeyPlan{false, {}}));
  EXPECT_EQ(plan_keys(Times{kStart}, kStart + kKeyLifeS + 1), (KeyPlan{true, {}}));
  EXPECT_EQ(plan_keys(Times{0}, kStart), (KeyPlan{true, {}})) << "of before its time was kept";
  EXPECT_EQ(plan_keys(Times{kStart}, kStart - 1000), (KeyPlan{false, {}})) << "a clock gone back";
}

TEST(KeyPlan, KeepsAnOldKeyUntilNoTokenOfItCanBeValid) {
  // It signs until 300 s after its successor was made; a token lives 600 s; then one period more.
  const Times made = {0, kStart};
  EXPECT_EQ(plan_keys(made, kStart + 1199), (KeyPlan{false, {}}));
  EXPECT_EQ(plan_keys(made, kStart + 1200), (KeyPlan{false, {0}}));
  EXPECT_EQ(plan_keys(Times{0, 5, kStart}, kStart + 1200), (KeyPlan{false, {0, 1}}));
}

TEST(SigningKey, IsTheNewestThatEverybodyCanKnow) {
  const Times made = {kStart, kStart + 1000};
  EXPECT_EQ(signing_key(Times{kStart}, kStart), 0U) << "the first has none before it";
  EXPECT_EQ(signing_key(Times{kStart}, 0), 0U);
  EXPECT_EQ(signing_key(made, kStart + 1000), 0U);
  EXPECT_EQ(signing_key(made, kStart + 1299), 0U);
  EXPECT_EQ(signing_key(made, kStart + 1300), 1U);
  EXPECT_EQ(signing_key(Times{0, 1, 2}, kStart), 2U);
}

// A relying party that fetches the keys every 300 s, and a broker that starts now and then.
TEST(KeyPlan, NeverLeavesAValidTokenWithoutAPublishedKey) {
  struct Token {
    uint64_t key;
    uint64_t ends;
  };
  std::mt19937_64 random(7);
  for (int run = 0; run < 100; ++run) {
    Times made = {kStart};
    Times fetched;
    std::vector<Token> tokens;
    uint64_t next_start = kStart;
    uint64_t next_fetch = kStart;
    for (uint64_t now = kStart; now < kStart + 6 * kKeyLifeS;) {
      if (now >= next_fetch) {
        fetched = made;
        next_fetch = now + kCachePeriodS;
      }
      if (now >= next_start) {
        const KeyPlan plan = plan_keys(made, now);
        made.erase(made.begin(), made.begin() + static_cast<std::ptrdiff_t>(plan.gone.size()));
        if (plan.make_new) made.push_back(now);
        next_start = now + (random() % 2 == 0 ? random() % 1500 : random() % (2 * kKeyLifeS));
      }
      tokens.push_back({made[signing_key(made, now)], now + kLongestLifeS});
      std::erase_if(tokens, [now](const Token& token) { return token.ends <= now; });
      for (const Token& token : tokens)
        ASSERT_NE(std::find(fetched.begin(), fetched.end(), token.key), fetched.end())
            << run << " " << now;
      // Closely for an hour after a key was made, and then to the next start.
      now = now < made.back() + 3600 ? now + 1 + random() % 60 : std::max(now + 1, next_start);
    }
  }
}

}  // namespace
}  // namespace carrel::credentials
