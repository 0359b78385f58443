#include "launcher/gateway/http/denial.h"

#include <gtest/gtest.h>

#include "launcher/gateway/http/body.h"
#include "tests/unit/launcher/gateway/http/sample.h"
#include <nlohmann/json.hpp>

namespace carrel::gateway::http {
namespace {

Denial sample() {
  return {{403, "no-rule", "no rule lets \"this\" pass"},
          "network.git.example.org",
          "dashboard.toml",
          41,
          7,
          "carrel request network git.example.org:443 --for REASON --until TIME"};
}

TEST(Denial, IsOneObjectThatNamesTheRuleAndTheWayToAsk) {
  EXPECT_EQ(denial_json(sample()),
            "{\"error\":\"denied\",\"reason\":\"no-rule\",\"rule\":\"network.git.example.org\","
            "\"file\":\"dashboard.toml\",\"line\":41,\"why\":\"no rule lets \\\"this\\\" pass\","
            "\"flow\":7,\"request\":\"carrel request network git.example.org:443 --for REASON "
            "--until TIME\"}\n");
}

TEST(Denial, SaysWhatToDoWhereNoGrantHelps) {
  Denial denial = sample();
  denial.request = "";
  denial.refusal = {400, "path-parameters", "the path has a ;"};
  const auto json = nlohmann::json::parse(denial_json(denial));
  EXPECT_EQ(json["request"], "");
  EXPECT_EQ(json["ask"],
            "No grant changes this: ask whoever grants this task to change "
            "network.git.example.org, dashboard.toml line 41.");
  denial.refusal.status = 502;
  EXPECT_FALSE(nlohmann::json::parse(denial_json(denial)).contains("ask")) << "it is the server";
}

TEST(Denial, BytesOfAnyKindStayInTheirStrings) {
  Denial denial = sample();
  denial.refusal.why = "a\r\n\"},\x01\xff\\";
  denial.file = std::string("x\0y", 3);
  const auto json = nlohmann::json::parse(denial_json(denial), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["why"], "a\r\n\"},\x01\xef\xbf\xbd\\");
  EXPECT_EQ(json["file"], std::string("x\0y", 3));
  EXPECT_EQ(json.size(), 8U);
}

TEST(Denial, IsAWholeResponse) {
  const std::string bytes = write_denial(sample(), {.keep_alive = true});
  const auto read = read_response_head(bytes, {"GET"});
  ASSERT_EQ(outcome(read), "ok");
  const auto& head = std::get<ResponseHead>(read);
  EXPECT_EQ(head.status, 403);
  EXPECT_EQ(*value_of(head.headers, "content-type"), "application/json");
  EXPECT_EQ(*value_of(head.headers, "cache-control"), "no-store");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(bytes.substr(head.size), denial_json(sample()));
  EXPECT_EQ(head.body, (Body{Framing::kLength, denial_json(sample()).size()}));
}

TEST(Denial, IsSaidToBeTextWhereOnlyThatIsShown) {
  const std::string bytes = write_denial(sample(), {.as_text = true});
  const auto read = read_response_head(bytes, {"GET"});
  ASSERT_EQ(outcome(read), "ok");
  const auto& head = std::get<ResponseHead>(read);
  EXPECT_EQ(*value_of(head.headers, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(bytes.substr(head.size), denial_json(sample()));
  const auto shown = [](Headers headers) {
    RequestHead request;
    request.headers = std::move(headers);
    return shows_text_alone(request);
  };
  EXPECT_TRUE(shown({{"user-agent", "Go-http-client/1.1"}}));
  EXPECT_TRUE(shown({{"user-agent", "git/2.39.5"}, {"accept", "*/*"}}));
  EXPECT_FALSE(shown({{"user-agent", "curl/7.88.1"}, {"accept", "*/*"}}));
  EXPECT_FALSE(shown({{"accept", "application/json"}}));
}

TEST(Denial, ClosesUnlessToldOtherwiseAndHasNoBodyForHead) {
  const std::string bytes = write_denial(sample(), {.is_head = true});
  const auto read = read_response_head(bytes, {"HEAD"});
  ASSERT_EQ(outcome(read), "ok");
  EXPECT_FALSE(std::get<ResponseHead>(read).keep_alive);
  EXPECT_EQ(std::get<ResponseHead>(read).size, bytes.size());
}

TEST(Denial, EveryStatusHasTheSameShape) {
  for (const int status : {400, 403, 405, 413, 414, 417, 421, 431, 502, 505}) {
    Denial denial = sample();
    denial.refusal.status = status;
    const std::string bytes = write_denial(denial, {});
    const auto read = read_response_head(bytes, {"GET"});
    ASSERT_EQ(outcome(read), "ok");
    EXPECT_EQ(std::get<ResponseHead>(read).status, status);
    EXPECT_EQ(bytes.find(" Status\r\n"), std::string::npos) << "a phrase for " << status;
    const auto json = nlohmann::json::parse(bytes.substr(std::get<ResponseHead>(read).size));
    EXPECT_EQ(json["error"], status == 403 ? "denied" : status >= 500 ? "failed" : "refused");
  }
}

}  // namespace
}  // namespace carrel::gateway::http
