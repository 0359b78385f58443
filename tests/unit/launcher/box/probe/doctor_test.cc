#include "launcher/box/probe/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::probe {
namespace {

using testing::HasSubstr;

const WayOutFacts kGood = way_out_of(0, "");
const WayOutFacts kBad = way_out_of(1 << 8, "load the packet filter: EOPNOTSUPP\nmore\n");

TEST(Doctor, TextNamesEveryGuaranteeAndWhatMendsTheMissing) {
  plan::HostFacts facts = plan::hybrid_host();
  facts.cgroup.memory_v1.clear();
  const auto list = plan::guarantees(facts, nullptr);
  const std::string text = doctor_text(facts, list, kGood);
  for (const plan::Guarantee& one : list) {
    EXPECT_THAT(text, HasSubstr((one.given ? "  given    " : "  missing  ") +
                                std::string(plan::to_string(one.id))));
  }
  EXPECT_THAT(text, HasSubstr("to mend: boot with cgroup_enable=memory"));
  EXPECT_THAT(text, HasSubstr("ready: workspaces can be opened here"));
  EXPECT_THAT(text, HasSubstr("  given    way-out"));
  EXPECT_THAT(doctor_text(facts, list, kBad),
              HasSubstr("  missing  way-out            load the packet filter: EOPNOTSUPP\n"));
  EXPECT_EQ(text.back(), '\n');
}

TEST(Doctor, TextSaysWhatStopsWorkspaces) {
  plan::HostFacts facts = plan::hybrid_host();
  facts.openat2 = false;
  EXPECT_THAT(doctor_text(facts, plan::guarantees(facts, nullptr), kGood),
              testing::AllOf(HasSubstr("not ready"), HasSubstr("openat2")));
}

TEST(Doctor, JsonIsOneLineWithEveryGuarantee) {
  plan::HostFacts facts = plan::hybrid_host();
  facts.kernel_release = "6\"\\\x01\xff";
  facts.notes = {"a\nb"};
  const auto list = plan::guarantees(facts, nullptr);
  const std::string text = doctor_json(facts, list, kBad);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("\"v\":1,\"ready\":true,\"missing\":null"));
  EXPECT_THAT(text, HasSubstr("[\"a\\u000ab\"]"));
  EXPECT_THAT(text, HasSubstr("{\"id\":\"names-exact\",\"given\":false"));
  EXPECT_THAT(text, HasSubstr("{\"id\":\"limits\",\"given\":true"));
  EXPECT_THAT(text, HasSubstr("\"mends\":null"));
  EXPECT_THAT(text, HasSubstr("],\"way_out\":{\"given\":false,\"why\":\"load the packet filter: "
                              "EOPNOTSUPP\",\"mends\":\"a kernel with nf_tables"));
  EXPECT_THAT(doctor_json(facts, list, kGood), HasSubstr("\"way_out\":{\"given\":true,\"why\":"));
}

TEST(WayOut, IsWhatItsCheckSays) {
  EXPECT_TRUE(try_way_out("/bin/true").given);
  EXPECT_EQ(try_way_out("/bin/false").why, "carrel-network did not say what failed");
  EXPECT_FALSE(try_way_out("/nowhere/carrel-network").given);
  EXPECT_EQ(way_out_of(1 << 8, "a\nb").why, "a");
  EXPECT_FALSE(way_out_of(9, "").given) << "killed";
}

}  // namespace
}  // namespace carrel::probe
