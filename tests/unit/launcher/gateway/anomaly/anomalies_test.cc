#include "launcher/gateway/anomaly/anomalies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carrel::gateway {
namespace {

using anomaly::kPeriodNs;
using anomaly::kSecondNs;
using anomaly::kTenMinutesNs;

constexpr uint64_t kKiB = 1024;

struct Heard {
  Anomalies anomalies;
  std::vector<events::NetAnomaly> all;
  Heard() {
    anomalies.tell = [this](events::NetAnomaly told) { all.push_back(std::move(told)); };
  }
  std::string words() const {
    std::string out;
    for (const auto& each : all)
      out += (out.empty() ? "" : " ") + each.what + (each.name.empty() ? "" : ":" + each.name);
    return out;
  }
  void scan(const std::string& name, uint64_t now_ns) {
    for (int i = 0; i < 201; ++i)
      anomalies.not_found(name, "/" + std::to_string(i), now_ns);
  }
};

TEST(Anomalies, AreToldOfADestinationOnceInTenMinutes) {
  Heard heard;
  heard.scan("a.test", 1);
  EXPECT_EQ(heard.words(), "scan:a.test");
  heard.scan("a.test", kTenMinutesNs);
  EXPECT_EQ(heard.words(), "scan:a.test");
  heard.scan("b.test", 2);
  EXPECT_EQ(heard.words(), "scan:a.test scan:b.test");
  heard.scan("a.test", 1 + kTenMinutesNs);
  EXPECT_EQ(heard.words(), "scan:a.test scan:b.test scan:a.test");
}

TEST(Anomalies, ABurstIsToldByTheTickThoughNothingMovesAnyMore) {
  Heard heard;
  Anomalies::Moved& moved = heard.anomalies.moved("a.test", false);
  heard.anomalies.tick(1);
  for (uint64_t i = 1; i <= 3; ++i) {
    moved.up += 300 * kKiB << (i - 1);
    heard.anomalies.tick(1 + i * kPeriodNs - 1);
    EXPECT_EQ(heard.words(), "");
    heard.anomalies.tick(1 + i * kPeriodNs);
  }
  EXPECT_EQ(heard.words(), "burst:a.test");
  EXPECT_EQ(moved.up, 0U);
}

TEST(Anomalies, ALateTickClosesEveryPeriodThatPassed) {
  Heard heard;
  Anomalies::Moved& moved = heard.anomalies.moved("a.test", false);
  heard.anomalies.tick(1);
  uint64_t now = 1;
  for (uint64_t i = 1; i <= 3; ++i) {
    moved.up += 300 * kKiB << (i - 1);
    now += 3 * kPeriodNs;  // one with bytes and two without: the third is beyond the five
    heard.anomalies.tick(now);
  }
  EXPECT_EQ(heard.words(), "");
}

TEST(Anomalies, OnlyReadsWhileEveryRuleOfItDoes) {
  const auto words = [](bool first, bool second) {
    Heard heard;
    heard.anomalies.moved("a.test", first).up += 3 * kKiB * kKiB;
    (void)heard.anomalies.moved("a.test", second);
    heard.anomalies.tick(1);
    heard.anomalies.tick(1 + kPeriodNs);
    return heard.words();
  };
  EXPECT_EQ(words(true, true), "ratio:a.test");
  EXPECT_EQ(words(true, false), "");
  EXPECT_EQ(words(false, true), "");
}

TEST(Anomalies, NamesThatNobodyMayReachAndTheCapsOfThem) {
  Heard heard;
  for (int i = 0; i < 25; ++i)
    heard.anomalies.denied_name("n" + std::to_string(i) + ".example.org", 1);
  heard.anomalies.too_many_names(50, 1);
  heard.anomalies.too_many_names(50, 2);
  heard.anomalies.addresses_full(3);
  EXPECT_EQ(heard.words(), "suffix:example.org names rate full");
}

TEST(Anomalies, OneAddressForEachRequestAndQueriesByTheirValues) {
  Heard heard;
  std::string packed = "d=";
  for (int i = 0; i < 2048; ++i)
    packed += static_cast<char>(0x80 + i % 64);
  for (uint64_t i = 0; i < 60; ++i)
    heard.anomalies.asked("a.test", i * 5 * kSecondNs);
  heard.anomalies.target("a.test", "/", packed, 1);
  heard.anomalies.target("b.test", std::string(1 << 18, 'x'), "d", 1);
  EXPECT_EQ(heard.words(), "beacon:a.test query:a.test targets:b.test");
}

TEST(Anomalies, ManyDestinationsFillNoMemory) {
  Heard heard;
  Anomalies::Moved* first = &heard.anomalies.moved("0.test", true);
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = std::to_string(i) + ".test";
    heard.anomalies.moved(name, true).up += 1;
    heard.anomalies.asked(name, 1);
    heard.anomalies.not_found(name, "/" + name, 1);
  }
  EXPECT_EQ(heard.words(), "scan");  // those beyond 256 are one
  EXPECT_EQ(first, &heard.anomalies.moved("0.test", true));
  EXPECT_EQ(first->up, 1U);
  EXPECT_EQ(&heard.anomalies.moved("99998.test", true), &heard.anomalies.moved("99999.test", true));
  EXPECT_NE(&heard.anomalies.moved("254.test", true), &heard.anomalies.moved("255.test", true));
}

TEST(Anomalies, OfOneKindOnlySoManyAreTold) {
  Heard heard;
  for (int i = 0; i < 200; ++i)
    heard.scan(std::to_string(i) + ".test", 1);
  EXPECT_EQ(heard.all.size(), OnceInAWhile::kMostOfOne);
  heard.anomalies.addresses_full(1);
  EXPECT_EQ(heard.all.back().what, "full");
}

TEST(Anomalies, StandTimeThatGoesBackwardsAndLeaps) {
  Heard heard;
  Anomalies::Moved& moved = heard.anomalies.moved("a.test", true);
  for (const uint64_t now : {uint64_t{1}, UINT64_MAX, uint64_t{0}, 7 * kPeriodNs, UINT64_MAX}) {
    moved.up = UINT64_MAX;
    moved.down = UINT64_MAX;
    heard.anomalies.tick(now);
    heard.anomalies.asked("a.test", now);
    heard.anomalies.denied_name("x.test", now);
  }
  EXPECT_EQ(heard.words(), "");
}

TEST(Anomalies, ForgetTheSelfTestAndKeepTheCounters) {
  Heard heard;
  Anomalies::Moved& moved = heard.anomalies.moved("a.test", true);
  moved.up = 7;
  for (int i = 0; i < 20; ++i)
    heard.anomalies.denied_name("n" + std::to_string(i) + ".test", 1);
  heard.anomalies.forget();
  EXPECT_EQ(moved.up, 0U);
  EXPECT_EQ(&moved, &heard.anomalies.moved("a.test", true));
  for (int i = 20; i < 40; ++i)
    heard.anomalies.denied_name("n" + std::to_string(i) + ".test", 2);
  EXPECT_EQ(heard.words(), "");
}

}  // namespace
}  // namespace carrel::gateway
