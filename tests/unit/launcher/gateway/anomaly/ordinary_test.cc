// What people do every day, and what is told of it.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "launcher/gateway/anomaly/anomalies.h"

namespace carrel::gateway {
namespace {

using anomaly::kPeriodNs;
using anomaly::kSecondNs;

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = kKiB * kKiB;

class Day {
 public:
  Day() {
    anomalies_.tell = [this](const events::NetAnomaly& told) {
      words_ += (words_.empty() ? "" : " ") + told.what;
    };
    anomalies_.tick(now_);
  }
  void move(uint64_t up, uint64_t down, bool only_reads = false) {
    Anomalies::Moved& moved = anomalies_.moved("host.test", only_reads);
    moved.up += up;
    moved.down += down;
  }
  void request(const std::string& path, const std::string& query = "") {
    anomalies_.asked("host.test", now_);
    anomalies_.target("host.test", path, query, now_);
  }
  void pass(uint64_t ns) {
    const uint64_t until = now_ + ns;
    while (now_ < until) {
      now_ += std::min(until - now_, kSecondNs);
      anomalies_.tick(now_);
    }
  }
  /// So many bytes up, a second's worth a second.
  void upload(uint64_t bytes, uint64_t a_second) {
    for (uint64_t sent = 0; sent < bytes; sent += a_second) {
      move(std::min(a_second, bytes - sent), 0);
      pass(kSecondNs);
    }
  }
  const std::string& words() const { return words_; }
  Anomalies& all() { return anomalies_; }
  uint64_t now() const { return now_; }

 private:
  Anomalies anomalies_;
  std::string words_;
  uint64_t now_ = 1000 * kSecondNs;
};

TEST(Ordinary, APushOfFiveMegabytesIsNothing) {
  for (const uint64_t silent : {uint64_t{0}, uint64_t{9}, uint64_t{3600}}) {
    for (const uint64_t a_second : {5 * kMiB, kMiB, 512 * kKiB, 100 * kKiB}) {
      Day day;
      day.pass(silent * kSecondNs);
      day.upload(5 * kMiB, a_second);
      day.pass(60 * kPeriodNs);
      EXPECT_EQ(day.words(), "") << silent << " s, then " << a_second << " a second";
    }
  }
}

TEST(Ordinary, OnePushEveryFewMinutesIsNothing) {
  Day day;
  for (int i = 0; i < 20; ++i) {
    day.upload(static_cast<uint64_t>(1 + i % 5) * kMiB, 2 * kMiB);
    day.pass(180 * kSecondNs);
  }
  EXPECT_EQ(day.words(), "");
}

/// It is told: nobody can tell it from a copy of everything, but who knows what was to be sent.
TEST(Ordinary, AnUploadOfMinutesIsADrip) {
  Day day;
  day.upload(100 * kMiB, 512 * kKiB);
  EXPECT_EQ(day.words(), "drip");
}

TEST(Ordinary, AnInstallOfTwoThousandPackagesIsNothing) {
  Day day;
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "/some-package-" + std::to_string(i);
    day.request(name);
    day.request(name + "/-/some-package-" + std::to_string(i) + "-1.2.3.tgz");
    day.move(2 * 400, random() % (200 * kKiB) + 2000, true);
    day.pass(random() % 20'000'000 + 2'000'000);
  }
  day.pass(10 * kPeriodNs);
  EXPECT_EQ(day.words(), "");
}

TEST(Ordinary, AnInstallOneByOneOverAnEvenLineIsNoBeacon) {
  Day day;
  for (int i = 0; i < 500; ++i) {
    day.request("/simple/package-" + std::to_string(i) + "/");
    day.move(300, 50 * kKiB, true);
    day.pass(80'000'000);
  }
  EXPECT_EQ(day.words(), "");
}

/// Also what waits for a build by asking every ten seconds: it is meant to be seen, once.
TEST(Ordinary, AClientThatPollsIsABeacon) {
  Day day;
  std::mt19937 random(2);
  for (int i = 0; i < 100; ++i) {
    day.request("/builds/17");
    day.move(300, 500, true);
    day.pass(10 * kSecondNs + random() % 300'000'000);
  }
  EXPECT_EQ(day.words(), "beacon");
}

TEST(Ordinary, APersonWhoReadsIsNothing) {
  Day day;
  std::mt19937 random(3);
  for (int i = 0; i < 400; ++i) {
    day.request("/docs/page-" + std::to_string(i), "q=how+to+build+it&page=" + std::to_string(i));
    day.move(600, 20 * kKiB, true);
    if (i % 20 == 0) day.all().not_found("host.test", "/old-" + std::to_string(i), day.now());
    day.pass(random() % (30 * kSecondNs));
  }
  EXPECT_EQ(day.words(), "");
}

TEST(Ordinary, ToolsThatAskForAFewDeniedNamesAreNothing) {
  Day day;
  for (int i = 0; i < 600; ++i) {
    for (const char* name : {"telemetry.example.com", "update.code.example.com",
                             "a1b2c3d4.ingest.example.io", "metadata.example.internal"}) {
      day.all().denied_name(name, day.now());
    }
    day.pass(kSecondNs);
  }
  EXPECT_EQ(day.words(), "");
}

}  // namespace
}  // namespace carrel::gateway
