// Requests as a client of any kind sends them, in one piece and byte by byte, and what is refused.

#include "launcher/cli/token/http_request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace carrel::token {
namespace {

constexpr const char* kType = "Content-Type: application/x-www-form-urlencoded\r\n";

std::string post(const std::string& form, const std::string& headers = kType) {
  return "POST /introspect HTTP/1.1\r\nHost: a\r\n" + headers +
         "Content-Length: " + std::to_string(form.size()) + "\r\n\r\n" + form;
}

/// The token, or the number of the refusal; 0 where more is wanted.
std::string outcome(const std::string& bytes, size_t piece = SIZE_MAX) {
  HttpRequest request;
  bool more = true;
  for (size_t i = 0; i < bytes.size() && more; i += std::min(piece, bytes.size()))
    more = request.take(std::string_view(bytes).substr(i, piece));
  if (more) return "more";
  if (request.refused()) return std::to_string(static_cast<unsigned>(*request.refused()));
  return request.token();
}

/// However the bytes arrive.
std::string told(const std::string& bytes) {
  const std::string whole = outcome(bytes);
  EXPECT_EQ(outcome(bytes, 1), whole) << bytes;
  EXPECT_EQ(outcome(bytes, 7), whole) << bytes;
  return whole;
}

TEST(HttpRequest, GivesTheTokenOfAForm) {
  EXPECT_EQ(told(post("token=a.b-c_d")), "a.b-c_d");
  EXPECT_EQ(told(post("token_type_hint=access_token&token=a.b.c&client_id=x")), "a.b.c");
  EXPECT_EQ(told(post("token=a%2Eb%2e+c%00&x")), std::string("a.b. c\0", 7));
  EXPECT_EQ(
      told(post("token=a", "content-type:APPLICATION/x-www-form-urlencoded ;charset=utf-8\r\n")),
      "a");
  EXPECT_EQ(told("POST / HTTP/1.0\r\n" + std::string(kType) + "Content-Length: 7\r\n\r\ntoken=a"),
            "a");
  EXPECT_EQ(told("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(kType) +
                 "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\ntoken\r\n2\r\n=a\r\n0\r\n\r\n"),
            "a");
}

TEST(HttpRequest, WantsMoreUntilTheLastByte) {
  const std::string whole = post("token=a.b.c");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(outcome(whole.substr(0, size)), "more") << size;
  HttpRequest cut;
  EXPECT_TRUE(cut.take(whole.substr(0, whole.size() - 1)));
  cut.end();
  EXPECT_EQ(cut.refused(), Refused::kBad);
  HttpRequest empty;
  empty.end();
  EXPECT_EQ(empty.refused(), Refused::kBad);
}

TEST(HttpRequest, RefusesAFormWithoutExactlyOneToken) {
  for (const char* form : {"", "x=y", "token", "token=", "token=a&token=a", "token=a&token=",
                           "token=%", "token=%4", "token=%zz", "token=a&x=%g0", "to%ken=a"})
    EXPECT_EQ(told(post(form)), "400") << form;
  EXPECT_EQ(told("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(kType) + "\r\n"), "400");
}

TEST(HttpRequest, RefusesWhatIsNoPost) {
  for (const char* method : {"GET", "PUT", "HEAD", "OPTIONS", "post", "BREW"})
    EXPECT_EQ(told(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n"), "405") << method;
  HttpRequest head;
  EXPECT_FALSE(head.take("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(head.is_head());
}

TEST(HttpRequest, RefusesEveryOtherTypeBeforeItsBody) {
  for (const char* headers :
       {"", "Content-Type: application/json\r\n", "Content-Type: \r\n",
        "Content-Type: application/x-www-form-urlencodedx\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: text/plain\r\n"}) {
    EXPECT_EQ(told(post("token=a", headers)), "415") << headers;
    EXPECT_EQ(outcome("POST / HTTP/1.1\r\n" + std::string(headers) + "Content-Length: 7\r\n\r\n"),
              "415")
        << headers;
  }
}

TEST(HttpRequest, BoundsHeadAndBodyAndToken) {
  const std::string fits = "token=" + std::string(kMaxToken, 'a');
  EXPECT_EQ(outcome(post(fits)), std::string(kMaxToken, 'a'));
  EXPECT_EQ(outcome(post(fits + "a")), "413");
  EXPECT_EQ(outcome(post("token=a&x=" + std::string(kMaxForm - 10, 'a'))), "a");
  EXPECT_EQ(outcome(post("token=a&x=" + std::string(kMaxForm - 9, 'a'))), "413");
  EXPECT_EQ(
      outcome("POST / HTTP/1.1\r\n" + std::string(kType) + "Content-Length: 99999999999\r\n\r\n"),
      "413");
  EXPECT_EQ(told("POST / HTTP/1.1\r\nX: " + std::string(kMaxHead, 'a')), "431");
  EXPECT_EQ(told("POST /" + std::string(kMaxHead, 'a')), "431");
  EXPECT_EQ(told(post("token=a", "X: " + std::string(15000, 'a') + "\r\n" + kType)), "a");
}

TEST(HttpRequest, BoundsChunksThatSayNothing) {
  std::string bytes =
      "POST / HTTP/1.1\r\n" + std::string(kType) + "Transfer-Encoding: chunked\r\n\r\n";
  HttpRequest request;
  ASSERT_TRUE(request.take(bytes));
  size_t sent = 0;
  for (bool more = true; more && sent < (1 << 20); sent += 14)
    more = request.take("1;aaaaaaaa\r\na\r\n");
  ASSERT_TRUE(request.refused().has_value());
  EXPECT_LT(sent, size_t{70} << 10);
  HttpRequest large;
  ASSERT_TRUE(large.take(bytes));
  EXPECT_FALSE(large.take("FFFFFF\r\n" + std::string(kMaxForm + 1, 'a')));
  EXPECT_EQ(large.refused(), Refused::kLarge);
}

TEST(HttpRequest, RefusesWhatTwoServersMightReadDifferently) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(kType);
  for (const char* rest : {"Content-Length: 7\r\nContent-Length: 8\r\n\r\ntoken=ab",
                           "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\ntoken=a",
                           "Content-Length: +7\r\n\r\ntoken=a", "Content-Length: 7x\r\n\r\ntoken=a",
                           "Transfer-Encoding: chunked\r\n\r\nzz\r\ntoken=a"}) {
    EXPECT_EQ(told(head + rest), "400") << rest;
  }
  for (const char* none : {"nonsense\r\n\r\n", "POST / HTTP/2.0\r\n\r\n",
                           "POST  / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nA B: c\r\n\r\n"})
    EXPECT_EQ(told(none), "400") << none;
  // Lines that end without a carriage return are none: nothing comes of them.
  HttpRequest bare;
  (void)bare.take("POST / HTTP/1.1\n" + std::string(kType) + "Content-Length: 7\n\ntoken=a");
  bare.end();
  EXPECT_EQ(bare.refused(), Refused::kBad);
}

TEST(HttpRequest, TakesNoHeaderFromBehindTheBody) {
  const std::string body = "Transfer-Encoding: chunked\r\n\r\n7\r\ntoken=a\r\n0\r\n";
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(told(head + body + kType + "\r\n"), "415");
  EXPECT_EQ(told(head + kType + body + "Content-Encoding: gzip\r\n" + kType + "\r\n"), "a");
}

TEST(HttpRequest, SaysOnceThatTheClientMaySendItsBody) {
  HttpRequest request;
  const std::string head = "POST / HTTP/1.1\r\n" + std::string(kType) +
                           "Expect: 100-continue\r\nContent-Length: 7\r\n\r\n";
  EXPECT_TRUE(request.take(head));
  EXPECT_TRUE(request.take_waits());
  EXPECT_FALSE(request.take_waits());
  EXPECT_FALSE(request.take("token=a"));
  EXPECT_EQ(request.token(), "a");
  HttpRequest at_once;
  EXPECT_FALSE(at_once.take(head + "token=a"));
  EXPECT_FALSE(at_once.take_waits());
}

TEST(HttpAnswer, EndsItsConnectionAndIsNotStored) {
  EXPECT_EQ(http_answer(R"({"active":false})"),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n{\"active\":false}");
  const std::string body = R"({"error":"invalid_request","error_description":"POST is expected"})";
  const std::string head =
      "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) +
      "\r\nCache-Control: no-store\r\nAllow: POST\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(http_refusal(Refused::kMethod), head + body);
  EXPECT_EQ(http_refusal(Refused::kMethod, true), head);
  for (const Refused why : {Refused::kBad, Refused::kLate, Refused::kLarge, Refused::kType,
                            Refused::kHead, Refused::kNobody}) {
    EXPECT_TRUE(http_refusal(why).starts_with("HTTP/1.1 " +
                                              std::to_string(static_cast<unsigned>(why)) + " "));
    EXPECT_EQ(http_refusal(why).find("Allow"), std::string::npos);
  }
}

}  // namespace
}  // namespace carrel::token
