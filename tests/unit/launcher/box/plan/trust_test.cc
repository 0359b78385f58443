#include "launcher/box/plan/trust.h"

#include <gtest/gtest.h>

#include <set>

namespace carrel::plan {
namespace {

TEST(Trust, EveryVariableHasItsValueAndItsTool) {
  const auto environment = trust_environment("/b/bundle.crt", "/b/authority.crt");
  ASSERT_EQ(environment.size(), std::size(kTrustVariables));
  std::set<std::string> names;
  for (size_t i = 0; i < environment.size(); ++i) {
    const auto& [name, value] = environment[i];
    EXPECT_EQ(name, kTrustVariables[i].name);
    EXPECT_FALSE(kTrustVariables[i].tool.empty()) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(value == "/b/bundle.crt" || value == "/b/authority.crt" || value == "1") << name;
  }
  const std::set<std::pair<std::string, std::string>> all(environment.begin(), environment.end());
  EXPECT_TRUE(all.contains({"SSL_CERT_FILE", "/b/bundle.crt"}));
  EXPECT_TRUE(all.contains({"NODE_EXTRA_CA_CERTS", "/b/authority.crt"}));
  EXPECT_TRUE(all.contains({"NODE_USE_SYSTEM_CA", "1"}));
  EXPECT_FALSE(names.contains("JAVA_TOOL_OPTIONS"));
}

}  // namespace
}  // namespace carrel::plan
