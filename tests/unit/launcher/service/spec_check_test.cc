#include "launcher/service/spec_check.h"

#include <gtest/gtest.h>

#include <string>

namespace carrel::service {
namespace {

protocol::SessionSpec spec(const std::string& session, const std::string& workspace) {
  protocol::SessionSpec spec;
  spec.set_session(session);
  spec.set_workspace(workspace);
  return spec;
}

TEST(SpecCheck, TakesIdsAndNothingThatLeadsElsewhere) {
  const std::string good = "01hzw00000000000000000000s";
  EXPECT_TRUE(check_spec(spec(good, good)).ok());
  for (const std::string bad : {"", ".", "..", "../../system.slice/ssh.service", "/etc",
                                "01hzw00000000000000000000s/..", "01HZW00000000000000000000S"}) {
    EXPECT_FALSE(check_spec(spec(bad, good)).ok()) << bad;
    EXPECT_FALSE(check_spec(spec(good, bad)).ok()) << bad;
  }
}

}  // namespace
}  // namespace carrel::service
