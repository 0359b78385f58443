#include "broker/service/secret_store/protocol.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>

namespace carrel::secret_store {
namespace {

const std::string kLogin =
    R"({"auth":{"client_token":"hvs.abc","lease_duration":60,"renewable":true},"lease_id":""})";
const std::string kRead =
    R"({"lease_id":"","data":{"data":{"token":"hunter2","n":1},"metadata":{"version":3}}})";

Response answer(int status, const std::string& body) {
  return {status, Secret(body)};
}

Settings settings() {
  Settings made;
  made.role_id = "the \"role\"";
  return made;
}

const Item kItem{"ci/deploy", "token"};

Result<Value> read(int status, const std::string& body) {
  return read_value(answer(status, body), settings(), kItem);
}

TEST(SecretStoreProtocol, AsksAsTheInterfaceSays) {
  const Request login = login_request(settings(), Secret("id"));
  EXPECT_EQ(login.method, "POST");
  EXPECT_EQ(login.path, "/v1/auth/approle/login");
  EXPECT_EQ(login.body.expose(), R"({"role_id":"the \"role\"","secret_id":"id"})");
  EXPECT_TRUE(login.token.empty());
  const Request get = read_request(settings(), kItem, Secret("t"));
  EXPECT_EQ(get.method + " " + get.path, "GET /v1/secret/data/ci/deploy");
  EXPECT_EQ(get.token.expose(), "t");
  EXPECT_TRUE(get.body.empty());
  EXPECT_EQ(renew_request(Secret("t")).path, "/v1/auth/token/renew-self");
  EXPECT_EQ(revoke_request(Secret("t")).path, "/v1/auth/token/revoke-self");
}

TEST(SecretStoreProtocol, TakesATokenThatFitsAHeader) {
  const auto login = read_login(answer(200, kLogin));
  ASSERT_TRUE(login.ok());
  EXPECT_EQ(login.value().token.expose(), "hvs.abc");
  EXPECT_EQ(login.value().lease_s, 60U);
  EXPECT_TRUE(login.value().renewable);
  for (const std::string token :
       {R"("")", R"("a\r\nX-Evil: 1")", R"("a b")", R"("ä")", "7", "null"}) {
    const std::string body =
        R"({"auth":{"client_token":)" + token + R"(,"lease_duration":60,"renewable":true}})";
    EXPECT_EQ(read_login(answer(200, body)).error().sys_errno, EPROTO) << token;
  }
  const std::string longest(4096, 'a');
  const auto of = [](const std::string& token) {
    return answer(200, R"({"auth":{"client_token":")" + token +
                           R"(","lease_duration":60,"renewable":true}})");
  };
  EXPECT_TRUE(read_login(of(longest)).ok());
  EXPECT_FALSE(read_login(of(longest + "a")).ok());
}

TEST(SecretStoreProtocol, RefusesALoginThatDoesNotSayHowLong) {
  for (const std::string more :
       {R"("lease_duration":-1,"renewable":true)", R"("lease_duration":60)",
        R"("lease_duration":1.5,"renewable":true)", R"("lease_duration":"60","renewable":true)",
        R"("renewable":true)"}) {
    EXPECT_FALSE(read_login(answer(200, R"({"auth":{"client_token":"t",)" + more + "}}")).ok())
        << more;
  }
  const auto forever = read_login(answer(
      200,
      R"({"auth":{"client_token":"t","lease_duration":18446744073709551615,"renewable":false}})"));
  ASSERT_TRUE(forever.ok());
  EXPECT_LT(forever.value().lease_s, uint64_t{1} << 32);  // no overflow in milliseconds
}

TEST(SecretStoreProtocol, TakesAFieldOfAnEntry) {
  const auto value = read(200, kRead);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value.value().bytes.expose(), "hunter2");
  EXPECT_EQ(value.value().version, 3U);
}

TEST(SecretStoreProtocol, TellsTheStatusesApart) {
  const auto number = [](int status) { return read(status, kRead).error().sys_errno; };
  EXPECT_EQ(number(403), EACCES);
  EXPECT_EQ(number(404), ENOENT);
  EXPECT_EQ(number(400), EPROTO);
  for (const int status : {429, 473, 500, 502, 503})
    EXPECT_EQ(number(status), EAGAIN) << status;
  for (const int status : {0, 100, 201, 204, 301, 302, 307, 308, 405, 412, 999})
    EXPECT_FALSE(read(status, kRead).ok()) << status;
  EXPECT_EQ(read_login(answer(400, "{}")).error().sys_errno, EACCES);
  EXPECT_EQ(read_login(answer(403, "{}")).error().sys_errno, EACCES);
  EXPECT_EQ(read_login(answer(404, "{}")).error().sys_errno, ENOENT);
  EXPECT_EQ(read_login(answer(503, kLogin)).error().sys_errno, EAGAIN);
  EXPECT_TRUE(read_done(answer(204, "")).ok());
  EXPECT_EQ(read_done(answer(403, "")).error().sys_errno, EACCES);
}

TEST(SecretStoreProtocol, RefusesWhatWouldHaveToBeRevoked) {
  const auto leased = read(
      200, R"({"lease_id":"database/1","data":{"data":{"token":"x"},"metadata":{"version":1}}})");
  ASSERT_FALSE(leased.ok());
  EXPECT_NE(leased.error().what.find("not supported yet"), std::string::npos);
  EXPECT_FALSE(
      read(200, R"({"lease_id":7,"data":{"data":{"token":"x"},"metadata":{"version":1}}})").ok());
  EXPECT_FALSE(
      read(200,
           R"({"wrap_info":{"token":"x"},"data":{"data":{"token":"x"},"metadata":{"version":1}}})")
          .ok());
}

TEST(SecretStoreProtocol, RefusesAnswersOfAnotherShape) {
  for (const std::string body :
       {"", "null", "[]", "7", "\"x\"", "{", "{}", R"({"data":null})", R"({"data":{"token":"x"}})",
        R"({"data":{"data":null,"metadata":{"version":1}}})",
        R"({"data":{"data":[],"metadata":{"version":1}}})",
        R"({"data":{"data":{"token":"x"},"metadata":{}}})", R"({"data":{"data":{"token":"x"}}})",
        R"({"data":{"data":{"token":["x"]},"metadata":{"version":1}}})",
        R"({"data":{"data":{"token":null},"metadata":{"version":1}}})",
        R"({"data":{"data":{"Token":"x"},"metadata":{"version":1}}})",
        R"({"data":{"data":{"token":""},"metadata":{"version":1}}})"}) {
    EXPECT_FALSE(read(200, body).ok()) << body;
    EXPECT_FALSE(read_login(answer(200, body)).ok()) << body;
  }
}

TEST(SecretStoreProtocol, NoDepthAndNoNoiseBringsItDown) {
  EXPECT_FALSE(read(200, std::string(1 << 20, '[')).ok());
  std::string deep = "{\"data\":";
  for (int i = 0; i < 200'000; ++i)
    deep += "{\"a\":";
  EXPECT_FALSE(read(200, deep).ok());
  // Brackets within a text are no depth.
  EXPECT_TRUE(read(200, R"({"x":")" + std::string(1000, '[') +
                            R"(\"[","data":{"data":{"token":"x"},"metadata":{"version":1}}})")
                  .ok());
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string body = i % 2 == 0 ? kRead : kLogin;
    for (int changes = 0; changes < 3; ++changes)
      body[random() % body.size()] = static_cast<char>(random());
    const auto value = read(200, body);
    EXPECT_TRUE(value.ok() || value.error().what.find("hunter2") == std::string::npos);
    (void)read_login(answer(200, body)).ok();
  }
}

TEST(SecretStoreProtocol, AFieldIsAtMost64KiB) {
  const auto of = [](size_t size) {
    return read(200, R"({"data":{"data":{"token":")" + std::string(size, 'x') +
                         R"("},"metadata":{"version":1}}})");
  };
  EXPECT_TRUE(of(kMaxValue).ok());
  EXPECT_NE(of(kMaxValue + 1).error().what.find("larger than 64 KiB"), std::string::npos);
}

}  // namespace
}  // namespace carrel::secret_store
