// What was granted beyond the profile, as session and gateway keep it.

#include "profiles/decide/live_grants.h"

#include <gtest/gtest.h>

#include "profiles/parse/parse.h"

namespace carrel::decide {
namespace {

model::Profile profile() {
  return parse::parse_profile(
             "profile = \"fix\"\nversion = 3\nsummary = \"s\"\n[purpose]\nstatement = \"t\"\n"
             "[[network]]\nhost = \"read.example.org\"\nports = [443]\naddresses = "
             "[\"10.20.0.0/16\"]\nhttp = [{ methods = [\"GET\"], path = \"/a\" }]\n"
             "budget = { up = \"5KiB\" }\n",
             "fix.toml")
      .take()
      .profile;
}

TEST(GrantedNetwork, IsTheHostsTableForOnePort) {
  const auto more = granted_network(profile(), "read.example.org", 8443, "inspect");
  ASSERT_TRUE(more.ok());
  model::Network wanted = profile().networks[0];
  wanted.ports = {8443};
  EXPECT_EQ(more.value(), wanted) << "what its rules let pass and add stays";
  EXPECT_TRUE(granted_network(profile(), "read.example.org", 8443, "tcp").value().http.empty());
}

TEST(GrantedNetwork, HasABudgetAndNoPrivateAddressWhereNoTableNamesTheHost) {
  const auto fresh = granted_network(profile(), "new.example.org", 443, "passthrough");
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(fresh.value().budget, (model::Budget{uint64_t{1} << 20, uint64_t{1} << 30}));
  EXPECT_TRUE(fresh.value().addresses.empty());
  EXPECT_EQ(fresh.value().mode, model::NetworkMode::kPassthrough);
}

TEST(GrantedNetwork, InspectsOnlyWhatTheSessionCanSignFor) {
  EXPECT_FALSE(granted_network(profile(), "new.example.org", 443, "inspect").ok());
  EXPECT_FALSE(granted_network(profile(), "new.example.org", 22, "ssh").ok());
  EXPECT_FALSE(granted_network(profile(), "new.example.org", 0, "tcp").ok());
  EXPECT_FALSE(granted_network(profile(), "new.example.org", 65536, "tcp").ok());
  EXPECT_FALSE(granted_network(profile(), "", 443, "tcp").ok());
  EXPECT_TRUE(granted_network(profile(), "new.example.org", 22, "tcp").ok());
}

TEST(LiveGrants, DecideUntilTheyEnd) {
  const model::Profile whole = profile();
  LiveGrants grants;
  const auto network = granted_network(whole, "new.example.org", 443, "passthrough").take();
  EXPECT_EQ(decide_flow(whole, "new.example.org", 443, grants.list()).verdict, Verdict::kDenied);
  EXPECT_TRUE(grants.add("1", network));
  EXPECT_FALSE(grants.add("1", network)) << "an id is given once";
  const NetworkDecision allowed = decide_flow(whole, "new.example.org", 443, grants.list());
  EXPECT_EQ(allowed.verdict, Verdict::kAllowed);
  EXPECT_TRUE(grants.holds(allowed.network));
  EXPECT_TRUE(grants.grants(network));
  EXPECT_FALSE(grants.grants(whole.networks[0]));
  EXPECT_FALSE(grants.holds(decide_flow(whole, "read.example.org", 443, grants.list()).network));
  EXPECT_EQ(decide_name(whole, "new.example.org", grants.list()).verdict, Verdict::kAllowed);
  EXPECT_TRUE(grants.end("1"));
  EXPECT_FALSE(grants.end("1"));
  EXPECT_EQ(decide_flow(whole, "new.example.org", 443, grants.list()).verdict, Verdict::kDenied);
  for (size_t i = 0; i < LiveGrants::kMost; ++i)
    EXPECT_TRUE(grants.add(std::to_string(i), network));
  EXPECT_FALSE(grants.add("more", network));
}

}  // namespace
}  // namespace carrel::decide
