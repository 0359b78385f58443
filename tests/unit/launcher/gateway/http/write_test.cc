#include "launcher/gateway/http/write.h"

#include <gtest/gtest.h>

#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

const Target kTarget{"/a", true, "b=c"};

std::string written(std::string_view method, const Headers& headers, const Body& body,
                    const InjectedHeader* injected = nullptr, bool websocket = false) {
  const Secret bytes = write_request_head({.method = method,
                                           .target = kTarget,
                                           .origin = kOrigin,
                                           .headers = headers,
                                           .body = body,
                                           .injected = injected,
                                           .websocket = websocket});
  return std::string(bytes.expose());
}

TEST(RequestToHost, IsWrittenFromItsValues) {
  EXPECT_EQ(written("GET", {{"accept", "a/b"}}, {}),
            "GET /a?b=c HTTP/1.1\r\nHost: git.example.org\r\naccept: a/b\r\n\r\n");
}

TEST(RequestToHost, HasFramingOfOurChoosing) {
  EXPECT_TRUE(written("POST", {}, {Framing::kLength, 12}).ends_with("Content-Length: 12\r\n\r\n"));
  EXPECT_TRUE(
      written("POST", {}, {Framing::kChunked, 0}).ends_with("Transfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(written("POST", {}, {}).ends_with("Content-Length: 0\r\n\r\n"));
  EXPECT_EQ(written("GET", {}, {}).find("Content-Length"), std::string::npos);
}

TEST(RequestToHost, TheLeaseReplacesWhatTheClientSent) {
  const InjectedHeader lease{"x-key", Secret(std::string("mine"))};
  EXPECT_EQ(written("GET", {{"x-key", "theirs"}, {"accept", "a"}}, {}, &lease),
            "GET /a?b=c HTTP/1.1\r\nHost: git.example.org\r\naccept: a\r\nx-key: mine\r\n\r\n");
}

TEST(RequestToHost, AsksForAWebsocketWhereGranted) {
  EXPECT_TRUE(written("GET", {}, {}, nullptr, true)
                  .ends_with("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
}

TEST(RequestToHost, IsReadAsItWasDecided) {
  const std::string bytes = written("PUT", {{"range", "bytes=1-"}}, {Framing::kLength, 3});
  const auto read = read_request_head(bytes);
  ASSERT_EQ(outcome(read), "ok");
  const auto& head = std::get<RequestHead>(read);
  EXPECT_EQ(head.body, (Body{Framing::kLength, 3}));
  EXPECT_EQ(head.size, bytes.size());
  EXPECT_EQ(std::get<Target>(read_target(head, kOrigin)), kTarget);
}

TEST(ResponseToClient, IsWrittenFromItsValues) {
  const Headers headers = {{"etag", "e"}};
  EXPECT_EQ(write_response_head({.status = 200,
                                 .headers = headers,
                                 .body = {Framing::kLength, 3},
                                 .declared_length = {}}),
            "HTTP/1.1 200 OK\r\netag: e\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(write_response_head({.status = 304, .headers = {}, .body = {}, .declared_length = 9}),
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(write_response_head({.status = 299,
                                 .headers = {},
                                 .body = {Framing::kChunked, 0},
                                 .declared_length = {},
                                 .keep_alive = false}),
            "HTTP/1.1 299 Status\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(
      write_response_head(
          {.status = 101, .headers = {}, .body = {}, .declared_length = {}, .websocket = true}),
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(ResponseToClient, WhatEndsWithTheConnectionClosesIt) {
  EXPECT_TRUE(
      write_response_head(
          {.status = 200, .headers = {}, .body = {Framing::kUntilClose, 0}, .declared_length = {}})
          .ends_with("Connection: close\r\n\r\n"));
}

TEST(ResponseToClient, BodiesOfUnknownLengthGoInChunks) {
  const Body chunked{Framing::kChunked, 0};
  const Body until_close{Framing::kUntilClose, 0};
  EXPECT_EQ(client_body(until_close, false), chunked);
  EXPECT_EQ(client_body(chunked, false), chunked);
  EXPECT_EQ(client_body(chunked, true), until_close);
  EXPECT_EQ(client_body({Framing::kLength, 3}, true), (Body{Framing::kLength, 3}));
  EXPECT_EQ(client_body({}, true), Body{});
}

/// A value that would end its line early never leaves, whoever let it in.
TEST(WriteDeathTest, NoFieldHoldsALinesEnd) {
  EXPECT_DEATH(written("GET", {{"a", "b\r\nc: d"}}, {}), "CHECK failed");
  EXPECT_DEATH(written("GET", {{"a\r\nb", "c"}}, {}), "CHECK failed");
}

}  // namespace
}  // namespace carrel::gateway::http
