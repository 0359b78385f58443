#include "launcher/gateway/http/head.h"

#include <gtest/gtest.h>

#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

using Fields = std::vector<std::string>;

std::string of(std::string_view bytes) {
  return outcome(read_request_head(bytes));
}

std::string of_fields(const Fields& fields) {
  return of(message("POST / HTTP/1.1", fields));
}

std::string of_response(std::string_view start, const Fields& fields = {},
                        const Asked& asked = {"GET"}) {
  return outcome(read_response_head(message(start, fields), asked));
}

TEST(RequestHead, IsReadAsItsParts) {
  const std::string bytes =
      "POST /a?b HTTP/1.1\r\nHost: h\r\nX-One:  two words\t\r\nX-One:\r\n"
      "Content-Length: 12\r\n\r\nbody";
  const auto read = read_request_head(bytes);
  ASSERT_EQ(outcome(read), "ok");
  const auto& head = std::get<RequestHead>(read);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/a?b");
  const Headers wanted = {
      {"host", "h"}, {"x-one", "two words"}, {"x-one", ""}, {"content-length", "12"}};
  EXPECT_EQ(head.headers, wanted);
  EXPECT_EQ(head.body, (Body{Framing::kLength, 12}));
  EXPECT_EQ(head.size, bytes.size() - 4);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.is_http10);
  EXPECT_FALSE(head.expects_continue);
}

TEST(RequestHead, EveryBeginningOfAGoodOneWaitsForMore) {
  const std::string bytes = message("GET / HTTP/1.1", {"Host: h", "Accept: */*"});
  for (size_t i = 0; i < bytes.size(); ++i)
    EXPECT_EQ(of(bytes.substr(0, i)), "more") << i;
  EXPECT_EQ(of(bytes), "ok");
}

TEST(RequestHead, FramingIsNoneLengthOrChunked) {
  EXPECT_EQ(request("GET / HTTP/1.1").body, (Body{Framing::kNone, 0}));
  EXPECT_EQ(request("POST / HTTP/1.1", {"Content-Length: 0"}).body, (Body{Framing::kLength, 0}));
  EXPECT_EQ(request("POST / HTTP/1.1", {"Transfer-Encoding: Chunked"}).body,
            (Body{Framing::kChunked, 0}));
}

TEST(RequestHead, ConnectionsStayOnlyWhereBothSay) {
  EXPECT_TRUE(request("GET / HTTP/1.1").keep_alive);
  EXPECT_FALSE(request("GET / HTTP/1.1", {"Connection: x, Close"}).keep_alive);
  EXPECT_FALSE(request("GET / HTTP/1.0", {"Connection: keep-alive"}).keep_alive);
}

TEST(RequestHead, WaitsForContinueOnlyIn11) {
  EXPECT_TRUE(request("POST / HTTP/1.1", {"Expect: 100-Continue"}).expects_continue);
  EXPECT_FALSE(request("POST / HTTP/1.0", {"Expect: 100-continue"}).expects_continue);
  EXPECT_EQ(of_fields({"Expect: 200-ok"}), "417 expect");
}

TEST(RequestHead, AmbiguousLengthsAreRefused) {
  EXPECT_EQ(of_fields({"Content-Length: 5", "Transfer-Encoding: chunked"}),
            "400 length-and-encoding");
  EXPECT_EQ(of_fields({"Transfer-Encoding: chunked", "Content-Length: 0"}),
            "400 length-and-encoding");
  EXPECT_EQ(of_fields({"Content-Length: 5", "Content-Length: 5"}), "400 repeated-length");
  EXPECT_EQ(of_fields({"Content-Length: 5", "content-length: 6"}), "400 repeated-length");
  for (const char* length :
       {"+5", "-5", "5, 5", "0x5", "05", "5 5", "", "5;", "five", "9999999999999999999"})
    EXPECT_EQ(of_fields({std::string("Content-Length: ") + length}), "400 length") << length;
  EXPECT_EQ(of_fields({"Content-Length: 999999999999999999"}), "ok");
}

TEST(RequestHead, OnlyChunkedIsATransferEncoding) {
  for (const char* encoding : {"gzip", "gzip, chunked", "chunked, chunked", "identity", "",
                               "xchunked", "chunked;q=1", "\"chunked\"",
                               "\x0b"
                               "chunked"}) {
    const std::string got = of_fields({std::string("Transfer-Encoding: ") + encoding});
    EXPECT_TRUE(got == "400 transfer-encoding" || got == "400 control-byte") << encoding << got;
  }
  EXPECT_EQ(of_fields({"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}),
            "400 transfer-encoding");
  EXPECT_EQ(of(message("POST / HTTP/1.0", {"Transfer-Encoding: chunked"})),
            "400 encoding-in-http10");
}

TEST(RequestHead, LinesEndInCrLfAndHaveNoControlBytes) {
  EXPECT_EQ(of("GET / HTTP/1.1\nHost: h\n\n"), "400 bare-lf");
  EXPECT_EQ(of("GET / HTTP/1.1\r\nHost: h\n\r\n"), "400 bare-lf");
  EXPECT_EQ(of("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"), "400 bare-cr");
  EXPECT_EQ(of("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"), "400 bare-cr");
  EXPECT_EQ(of(std::string_view("GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", 27)), "400 control-byte");
  EXPECT_EQ(of("GET / HTTP/1.1\r\nX: \x1b[0m\r\n\r\n"), "400 control-byte");
  EXPECT_EQ(of("GET / HTTP/1.1\r\nX: \x7f\r\n\r\n"), "400 control-byte");
  EXPECT_EQ(of("\r\nGET / HTTP/1.1\r\n\r\n"), "400 start-line");
}

/// A control byte is seen before the head is whole: a TLS greeting waits for nothing.
TEST(RequestHead, OtherProtocolsAreRefusedAtOnce) {
  EXPECT_EQ(of("\x16\x03\x01\x02"), "400 control-byte");
  EXPECT_EQ(of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505 version");
  EXPECT_EQ(of("PRI * HTTP/2.0\r\n"), "505 version");
  EXPECT_EQ(of("SSH-2.0-OpenSSH_9.2\r\n"), "400 start-line");
}

TEST(RequestHead, NamesAreTokensUpToTheirColon) {
  EXPECT_EQ(of_fields({"Host : h"}), "400 field-name");
  EXPECT_EQ(of_fields({"Host\t: h"}), "400 field-name");
  EXPECT_EQ(of_fields({"Ho st: h"}), "400 field-name");
  EXPECT_EQ(of_fields({": h"}), "400 field-name");
  EXPECT_EQ(of_fields({"nothing"}), "400 field-name");
  EXPECT_EQ(of_fields({"H\xc3\xb6st: h"}), "400 field-name");
  EXPECT_EQ(of_fields({std::string(257, 'a') + ": h"}), "400 field-name");
  EXPECT_EQ(of_fields({std::string(256, 'a') + ": h"}), "ok");
}

TEST(RequestHead, FoldedLinesAreRefused) {
  EXPECT_EQ(of_fields({"X: one", " two"}), "400 folded-line");
  EXPECT_EQ(of_fields({"X: one", "\ttwo: x"}), "400 folded-line");
  EXPECT_EQ(of_fields({" Host: h"}), "400 folded-line");
}

TEST(RequestHead, WhatIsInspectedIsThereOnce) {
  EXPECT_EQ(of_fields({"Content-Type: a/b", "content-type: c/d"}), "400 repeated-field");
  EXPECT_EQ(of_fields({"Content-Encoding: gzip", "Content-Encoding: gzip"}), "400 repeated-field");
}

TEST(RequestHead, SizesAreBounded) {
  Fields fields(100, "X: y");
  EXPECT_EQ(of_fields(fields), "ok");
  fields.emplace_back("X: y");
  EXPECT_EQ(of_fields(fields), "431 many-headers");
  const size_t rest = message("POST / HTTP/1.1", {"X: "}).size();
  EXPECT_EQ(of_fields({"X: " + std::string(kMaxRequestHead - rest, 'a')}), "ok");
  EXPECT_EQ(of_fields({"X: " + std::string(kMaxRequestHead - rest + 1, 'a')}), "431 long-head");
  EXPECT_EQ(of(std::string(kMaxRequestHead - 1, 'A')), "more");
  EXPECT_EQ(of(std::string(kMaxRequestHead, 'A')), "431 long-head");
  EXPECT_EQ(of(message("GET /" + std::string(kMaxTarget - 1, 'a') + " HTTP/1.1")), "ok");
  EXPECT_EQ(of(message("GET /" + std::string(kMaxTarget, 'a') + " HTTP/1.1")), "414 long-target");
}

TEST(RequestHead, TheFirstLineHasOneForm) {
  for (const char* line : {"GET  / HTTP/1.1", "GET /a b HTTP/1.1", "GET /\xc3\xa4 HTTP/1.1",
                           "GET /\t HTTP/1.1", "GET  HTTP/1.1"})
    EXPECT_EQ(of(message(line)), "400 target") << line;
  for (const char* line : {"get / HTTP/1.1", " / HTTP/1.1", "G-T / HTTP/1.1",
                           "ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1", "G\tT / HTTP/1.1"})
    EXPECT_EQ(of(message(line)), "400 method") << line;
  for (const char* line :
       {"GET / HTTP/1.2", "GET / HTTP/0.9", "GET / HTTP/2", "GET / HTTP/1.1x", "GET / HTTP/01.1"})
    EXPECT_EQ(of(message(line)), "505 version") << line;
  for (const char* line : {"GET / http/1.1", "GET /", "GET", "GET / HTTP/1.1 ", ""})
    EXPECT_EQ(of(message(line)), "400 start-line") << line;
}

TEST(Headers, AreFoundCountedAndDroppedByName) {
  Headers headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  EXPECT_EQ(*value_of(headers, "a"), "1");
  EXPECT_EQ(value_of(headers, "c"), nullptr);
  EXPECT_EQ(count_of(headers, "a"), 2U);
  drop_fields(headers, "a");
  EXPECT_EQ(headers, (Headers{{"b", "2"}}));
}

TEST(ResponseHead, IsReadAsItsParts) {
  const ResponseHead head =
      response("HTTP/1.1 200 All is well", {"Content-Length: 3", "X-Name: \xc3\xa4"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, (Body{Framing::kLength, 3}));
  EXPECT_EQ(head.headers[1], (Header{"x-name", "\xc3\xa4"}));
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(response("HTTP/1.1 200").status, 200);
}

TEST(ResponseHead, BodiesEndAsRfc9112Says) {
  const Body none{Framing::kNone, 0};
  const Fields five = {"Content-Length: 5"};
  EXPECT_EQ(response("HTTP/1.1 200 OK").body.framing, Framing::kUntilClose);
  EXPECT_FALSE(response("HTTP/1.1 200 OK").keep_alive);
  EXPECT_EQ(response("HTTP/1.1 200 OK", {"Transfer-Encoding: chunked"}).body.framing,
            Framing::kChunked);
  EXPECT_EQ(response("HTTP/1.1 200 OK", five, {"HEAD"}).body, none);
  EXPECT_EQ(response("HTTP/1.1 200 OK", five, {"HEAD"}).declared_length, 5U);
  EXPECT_EQ(response("HTTP/1.1 200 OK", {"Transfer-Encoding: chunked"}, {"HEAD"}).body, none);
  EXPECT_EQ(response("HTTP/1.1 304 x", five).body, none);
  EXPECT_EQ(response("HTTP/1.1 204 x").body, none);
  EXPECT_EQ(response("HTTP/1.1 204 x", {"Content-Length: 0"}).body, none);
  EXPECT_TRUE(response("HTTP/1.1 204 x").keep_alive);
  EXPECT_FALSE(response("HTTP/1.0 200 OK", five).keep_alive);
  EXPECT_FALSE(response("HTTP/1.1 200 OK", {"Content-Length: 5", "Connection: close"}).keep_alive);
}

TEST(ResponseHead, InterimAnswersAreToldApart) {
  EXPECT_TRUE(response("HTTP/1.1 100 Continue").is_interim());
  EXPECT_TRUE(response("HTTP/1.1 103 Early Hints", {"Link: </a>"}).is_interim());
  EXPECT_FALSE(response("HTTP/1.1 200 OK").is_interim());
  EXPECT_FALSE(response("HTTP/1.1 101 x", {}, {"GET", true}).is_interim());
  EXPECT_EQ(of_response("HTTP/1.1 101 x"), "502 upgrade");
}

TEST(ResponseHead, AmbiguousAnswersAreRefused) {
  const Fields both = {"Content-Length: 5", "Transfer-Encoding: chunked"};
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", both), "502 length-and-encoding");
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", both, {"HEAD"}), "502 length-and-encoding");
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", {"Content-Length: 5", "Content-Length: 5"}),
            "502 repeated-length");
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", {"Content-Length: +5"}), "502 length");
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", {"Transfer-Encoding: gzip, chunked"}),
            "502 transfer-encoding");
  EXPECT_EQ(of_response("HTTP/1.0 200 OK", {"Transfer-Encoding: chunked"}),
            "502 encoding-in-http10");
  EXPECT_EQ(of_response("HTTP/1.1 204 x", {"Content-Length: 5"}), "502 body-of-none");
  EXPECT_EQ(of_response("HTTP/1.1 100 x", {"Transfer-Encoding: chunked"}), "502 body-of-none");
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", {"X: a", " b"}), "502 folded-line");
  EXPECT_EQ(outcome(read_response_head("HTTP/1.1 200 OK\nX: y\n\n", {"GET"})), "502 bare-lf");
}

TEST(ResponseHead, TheFirstLineHasOneForm) {
  for (const char* line : {"HTTP/1.1 2000 x", "HTTP/1.1 20 x", "HTTP/1.1 099 x", "HTTP/1.1 600 x",
                           "HTTP/1.1  200 x", "HTTP/1.1 2x0 x", "HTTP/1.1", "200 OK", "ICY 200 OK"})
    EXPECT_EQ(of_response(line), "502 start-line") << line;
  EXPECT_EQ(of_response("HTTP/2.0 200 OK"), "502 version");
}

TEST(ResponseHead, SizesAreBounded) {
  EXPECT_EQ(outcome(read_response_head(std::string(kMaxResponseHead, 'a'), {"GET"})),
            "502 long-head");
  EXPECT_EQ(of_response("HTTP/1.1 200 OK", Fields(101, "X: y")), "502 many-headers");
}

}  // namespace
}  // namespace carrel::gateway::http
