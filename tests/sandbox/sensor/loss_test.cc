// What does not fit the ring is counted by the kernel side, apart from what was produced.

#include <gtest/gtest.h>

#include "tests/sandbox/sensor/session.h"
#include "tests/support/require.h"

namespace carrel::sensor {
namespace {

constexpr int kOpens = 5000;
constexpr uint32_t kSmallRing = 64U << 10;

int open_many_times() {
  for (int i = 0; i < kOpens; ++i) {
    const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 1;
    close(fd);
  }
  return 0;
}

TEST(Loss, IsCountedExactlyWhenNobodyReads) {
  TestSession session({}, kSmallRing);
  REQUIRE_FEATURE("bpf-raw-tracepoints", session.error().empty());
  EXPECT_EQ(session.run([] {}, open_many_times), 0);
  const Counts produced = session.counters().produced();
  const Counts lost = session.counters().lost();
  session.drain();
  const Counts& recorded = session.reader().recorded();
  EXPECT_EQ(produced[CARREL_OPEN], uint64_t{kOpens});
  EXPECT_GT(lost[CARREL_OPEN], uint64_t{kOpens} / 2);  // 64 KiB hold some 800 of them
  EXPECT_GT(recorded[CARREL_OPEN], 100U);
  for (size_t type = 0; type < produced.size(); ++type) {
    EXPECT_EQ(produced[type], recorded[type] + lost[type]) << record_name(type);
  }
  EXPECT_EQ(session.reader().malformed(), 0U);
}

TEST(Loss, IsNoneWhenTheRingIsRead) {
  TestSession session;
  REQUIRE_FEATURE("bpf-raw-tracepoints", session.error().empty());
  EXPECT_EQ(session.run([] {}, open_many_times), 0);
  session.drain();
  EXPECT_EQ(session.counters().produced(), session.reader().recorded());
  EXPECT_EQ(total(session.counters().lost()), 0U);
}

}  // namespace
}  // namespace carrel::sensor
