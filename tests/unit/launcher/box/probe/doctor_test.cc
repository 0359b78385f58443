#include "launcher/box/probe/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/launcher/box/plan/sample_facts.h"

namespace carrel::probe {
namespace {

using testing::HasSubstr;

TEST(Doctor, TextNamesEveryGuaranteeAndWhatMendsTheMissing) {
  plan::HostFacts facts = plan::hybrid_host();
  facts.cgroup.memory_v1.clear();
  const auto list = plan::guarantees(facts, nullptr);
  const std::string text = doctor_text(facts, list);
  for (const plan::Guarantee& one : list) {
    EXPECT_THAT(text, HasSubstr((one.given ? "  given    " : "  missing  ") +
                                std::string(plan::to_string(one.id))));
  }
  EXPECT_THAT(text, HasSubstr("to mend: boot with cgroup_enable=memory"));
  EXPECT_THAT(text, HasSubstr("ready: workspaces can be opened here"));
  EXPECT_EQ(text.back(), '\n');
}

TEST(Doctor, TextSaysWhatStopsWorkspaces) {
  plan::HostFacts facts = plan::hybrid_host();
  facts.openat2 = false;
  EXPECT_THAT(doctor_text(facts, plan::guarantees(facts, nullptr)),
              testing::AllOf(HasSubstr("not ready"), HasSubstr("openat2")));
}

TEST(Doctor, JsonIsOneLineWithEveryGuarantee) {
  plan::HostFacts facts = plan::hybrid_host();
  facts.kernel_release = "6\"\\\x01\xff";
  facts.notes = {"a\nb"};
  const auto list = plan::guarantees(facts, nullptr);
  const std::string text = doctor_json(facts, list);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("\"v\":1,\"ready\":true,\"missing\":null"));
  EXPECT_THAT(text, HasSubstr("[\"a\\u000ab\"]"));
  EXPECT_THAT(text, HasSubstr("{\"id\":\"names-exact\",\"given\":false"));
  EXPECT_THAT(text, HasSubstr("{\"id\":\"limits\",\"given\":true"));
  EXPECT_THAT(text, HasSubstr("\"mends\":null"));
}

}  // namespace
}  // namespace carrel::probe
