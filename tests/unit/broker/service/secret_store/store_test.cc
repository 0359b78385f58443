#include "broker/service/secret_store/store.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace carrel::secret_store {
namespace {

Token token(uint64_t lease_ms, bool renewable) {
  return {Secret("t"), 1000, lease_ms, renewable};
}

TEST(SecretStoreToken, IsRenewedInItsLastThirdAndReplacedAtItsEnd) {
  EXPECT_EQ(next_step(std::nullopt, 0), Step::kLogin);
  const std::optional<Token> minute = token(60'000, true);
  EXPECT_EQ(next_step(minute, 1000), Step::kUse);
  EXPECT_EQ(next_step(minute, 1000 + 39'999), Step::kUse);
  EXPECT_EQ(next_step(minute, 1000 + 40'000), Step::kRenew);
  EXPECT_EQ(next_step(minute, 1000 + 56'999), Step::kRenew);
  EXPECT_EQ(next_step(minute, 1000 + 57'000), Step::kLogin);
  EXPECT_EQ(next_step(minute, 1000 + 1'000'000), Step::kLogin);
  EXPECT_EQ(next_step(minute, 0), Step::kUse);  // a clock is never behind, and nothing wraps
  const std::optional<Token> fixed = token(60'000, false);
  EXPECT_EQ(next_step(fixed, 1000 + 56'999), Step::kUse);
  EXPECT_EQ(next_step(fixed, 1000 + 57'000), Step::kLogin);
  EXPECT_EQ(next_step(token(3'600'000, true), 1000 + 3'600'000 - 5000), Step::kLogin);
  EXPECT_EQ(next_step(token(0, false), 1U << 31), Step::kUse);
}

TEST(SecretStoreToken, IsTheLastOneWhenARenewalGivesLittle) {
  Token held = token(60'000, true);
  renew(held, Login{Secret(), 60, true}, 50'000);
  EXPECT_TRUE(held.renewable);
  EXPECT_EQ(held.since_ms, 50'000U);
  renew(held, Login{Secret(), 29, true}, 90'000);
  EXPECT_FALSE(held.renewable);
  EXPECT_EQ(held.lease_ms, 29'000U);
}

/// Keeps what was asked; the test answers.
class Calls : public Network {
 public:
  void call(uint64_t number, Request request, uint64_t /*timeout_ms*/) override {
    open[number] = request.method + " " + request.path + " " + std::string(request.token.expose());
  }
  void cancel(uint64_t number) override {
    open.erase(number);
    ++cancelled;
  }
  /// The number of the first open call whose line ends so; 0: none.
  uint64_t find(const std::string& end) const {
    for (const auto& [number, line] : open)
      if (line.ends_with(end)) return number;
    return 0;
  }
  std::map<uint64_t, std::string> open;
  int cancelled = 0;
};

class SecretStoreTest : public testing::Test {
 protected:
  void ask(uint64_t id, const std::string& path = "a") {
    store.ask(id, {path, "f"}, settings, now);
  }
  void answer(const std::string& end, int status, const std::string& body) {
    const uint64_t number = calls.find(end);
    ASSERT_NE(number, 0U) << end;
    calls.open.erase(number);
    store.take(number, Response{status, Secret(body)}, now);
  }
  void log_in(const std::string& name, int lease = 60) {
    answer("login ", 200,
           R"({"auth":{"client_token":")" + name + R"(","renewable":true,"lease_duration":)" +
               std::to_string(lease) + "}}");
  }
  void give(const std::string& end, const std::string& value) {
    answer(end, 200, R"({"data":{"data":{"f":")" + value + R"("},"metadata":{"version":1}}})");
  }
  std::map<uint64_t, std::string> answers() {
    std::map<uint64_t, std::string> all;
    for (auto& each : store.take_answers())
      all[each.id] = each.value.ok() ? std::string(each.value.value().bytes.expose())
                                     : "! " + to_string(each.value.error());
    return all;
  }

  uint64_t now = 1'000'000;
  Calls calls;
  Settings settings;
  std::string log;
  bool has_secret_id = true;
  Store store{settings,
              {calls,
               [this] {
                 return has_secret_id ? Result<Secret>(Secret("s"))
                                      : Result<Secret>(Error{"no file"});
               },
               [this](const std::string& line) { log += line + "\n"; }}};
};

TEST_F(SecretStoreTest, LogsInOnceAndAnswersInAnyOrder) {
  ask(1, "a");
  ask(2, "b");
  EXPECT_EQ(calls.open.size(), 1U);
  log_in("t1");
  EXPECT_EQ(calls.open.size(), 2U);
  give("/data/b t1", "second");
  EXPECT_EQ(answers(), (std::map<uint64_t, std::string>{{2, "second"}}));
  give("/data/a t1", "first");
  EXPECT_EQ(answers(), (std::map<uint64_t, std::string>{{1, "first"}}));
  ask(3);
  give("/data/a t1", "again");
  EXPECT_EQ(answers()[3], "again");
  EXPECT_EQ(log, "store.login lease_s=60 renewable=1\n");
}

TEST_F(SecretStoreTest, ReadsSoManyAtOnceAndRefusesTooMany) {
  for (uint64_t id = 1; id <= kMaxQuestions + 1; ++id)
    ask(id);
  EXPECT_EQ(answers().size(), 1U);
  log_in("t1");
  EXPECT_EQ(calls.open.size(), kMaxReads);
  give("t1", "x");
  EXPECT_EQ(calls.open.size(), kMaxReads);
  for (uint64_t left = kMaxQuestions - 1; left > 0; --left)
    give("t1", "x");
  EXPECT_EQ(answers().size(), kMaxQuestions);
  EXPECT_TRUE(calls.open.empty());
}

TEST_F(SecretStoreTest, RenewsAndLogsInAnewInTime) {
  ask(1);
  log_in("t1");
  give("t1", "x");
  now += 45'000;
  ask(2);
  EXPECT_NE(calls.find("renew-self t1"), 0U);
  answer("renew-self t1", 200,
         R"({"auth":{"client_token":"t1","renewable":true,"lease_duration":60}})");
  give("/data/a t1", "y");
  now += 59'000;
  ask(3);
  log_in("t2");
  give("/data/a t2", "z");
  EXPECT_EQ(answers().size(), 3U);
}

TEST_F(SecretStoreTest, UsesWhatIsLeftWhereARenewalFailsForNow) {
  ask(1);
  log_in("t1");
  give("t1", "x");
  now += 45'000;
  ask(2);
  answer("renew-self t1", 503, "{}");
  give("/data/a t1", "y");  // no second renewal
  now += 1000;
  ask(3);
  give("/data/a t1", "y");
  ask(4);
  now += 20'000;
  give("/data/a t1", "y");
  ask(5);
  EXPECT_NE(calls.find("login "), 0U);
}

TEST_F(SecretStoreTest, AsksOnceMoreWithANewTokenBeforeItBelievesANo) {
  ask(1);
  log_in("t1");
  ask(2, "b");
  answer("/data/a t1", 403, "{}");
  EXPECT_NE(calls.find("revoke-self t1"), 0U);
  answer("/data/b t1", 403, "{}");  // the same old token: no third login
  EXPECT_TRUE(answers().empty());
  log_in("t2");
  give("/data/a t2", "x");
  answer("/data/b t2", 403, "{}");
  const auto all = answers();
  EXPECT_EQ(all.at(1), "x");
  EXPECT_NE(all.at(2).find("the store denies reading secret/b (403)"), std::string::npos);
  EXPECT_EQ(calls.find("login "), 0U);
}

TEST_F(SecretStoreTest, FailsTheQuestionsThatWaitForALogin) {
  ask(1);
  ask(2);
  answer("login ", 400, "{}");
  EXPECT_EQ(answers().size(), 2U);
  has_secret_id = false;
  ask(3);
  EXPECT_EQ(answers()[3], "! no file");
  EXPECT_TRUE(calls.open.empty());
}

TEST_F(SecretStoreTest, HasAnEndToItsPatience) {
  ask(1);
  EXPECT_EQ(store.wakes_at(), now + 10'000);
  log_in("t1");
  now += 5000;
  ask(2, "b");
  now += 5000;
  store.tick(now);
  EXPECT_EQ(answers()[1].find("! the store at  did not answer within 10 s"), 0U);
  EXPECT_EQ(calls.cancelled, 1);
  EXPECT_EQ(store.wakes_at(), now + 5000);
  give("/data/b t1", "x");
  EXPECT_EQ(answers()[2], "x");
  EXPECT_EQ(store.wakes_at(), std::nullopt);
}

TEST_F(SecretStoreTest, GivesItsTokenBack) {
  ask(1);
  log_in("t1");
  store.end(1500);
  EXPECT_FALSE(store.is_quiet());
  EXPECT_EQ(calls.cancelled, 1);
  answer("revoke-self t1", 204, "");
  EXPECT_TRUE(store.is_quiet());
  EXPECT_TRUE(log.ends_with("store.revoked\n"));
  store.end(1500);  // nothing to give back
  EXPECT_TRUE(store.is_quiet());
}

}  // namespace
}  // namespace carrel::secret_store
