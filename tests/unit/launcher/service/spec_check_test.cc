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

TEST(SpecCheck, TakesPlainWordsOfTheCallersTerminal) {
  protocol::LaunchRequest request;
  EXPECT_TRUE(check_request(request).ok());
  request.set_term("xterm-256color");
  request.set_lang("de_DE.UTF-8@euro");
  EXPECT_TRUE(check_request(request).ok());
  for (const std::string& bad :
       {std::string("a b"), std::string("a\nb"), std::string("a=b"), std::string("a\0", 2),
        std::string(65, 'a'), std::string("../x")}) {
    request.set_term(bad);
    EXPECT_FALSE(check_request(request).ok()) << bad;
    request.set_term("");
    request.set_lang(bad);
    EXPECT_FALSE(check_request(request).ok()) << bad;
    request.set_lang("");
  }
}

}  // namespace
}  // namespace carrel::service
