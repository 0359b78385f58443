#include "launcher/gateway/http/headers.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

using Fields = std::vector<std::string>;

FilteredRequest of(const Fields& fields, const RequestFilter& filter = {}) {
  return filter_request(request("GET / HTTP/1.1", fields), filter);
}

/// "name: value, …" of what passes.
std::string passed(const Fields& fields, const RequestFilter& filter = {}) {
  std::string out;
  for (const Header& header : of(fields, filter).headers)
    out += header.name + ": " + header.value + "\n";
  return out;
}

TEST(RequestFilter, TheShortListPasses) {
  EXPECT_EQ(passed({"Accept: a/b", "Accept-Language: de", "Cache-Control: no-cache",
                    "Content-Type: a/b", "Content-Encoding: gzip", "Range: bytes=0-1",
                    "If-Match: a", "If-None-Match: b", "If-Range: c", "If-Modified-Since: d",
                    "If-Unmodified-Since: e", "User-Agent: git/2", "Git-Protocol: version=2"}),
            "accept: a/b\naccept-language: de\ncache-control: no-cache\ncontent-type: a/b\n"
            "content-encoding: gzip\nrange: bytes=0-1\nif-match: a\nif-none-match: b\n"
            "if-range: c\nif-modified-since: d\nif-unmodified-since: e\nuser-agent: git/2\n"
            "git-protocol: version=2\n");
}

TEST(RequestFilter, WhatTheGatewayWritesIsNeitherPassedNorCounted) {
  const auto out =
      of({"Host: h", "Connection: close", "Content-Length: 3", "Expect: 100-continue",
          "Keep-Alive: 5", "Upgrade: h2c", "HTTP2-Settings: A", "TE: gzip", "Trailer: x"});
  EXPECT_TRUE(out.headers.empty());
  EXPECT_EQ(out.dropped.unknown + out.dropped.forbidden + out.dropped.too_long, 0U);
}

TEST(RequestFilter, EverythingElseIsDroppedAndCounted) {
  const auto out = of({"Accept: a/b", "X-One: 1", "X-One: 2", "DNT: 1", "Authorization: Bearer x",
                       "User-Agent: " + std::string(257, 'a')});
  EXPECT_EQ(out.headers, (Headers{{"accept", "a/b"}}));
  EXPECT_EQ(out.dropped.unknown, 3U);
  EXPECT_EQ(out.dropped.forbidden, 1U);
  EXPECT_EQ(out.dropped.too_long, 1U);
  EXPECT_EQ(out.dropped.names,
            (std::vector<std::string>{"x-one", "dnt", "authorization", "user-agent"}));
}

TEST(RequestFilter, SomeNamesNeverPassWhateverARuleSays) {
  for (const char* name : {"authorization",
                           "cookie",
                           "proxy-authorization",
                           "proxy-connection",
                           "x-api-key",
                           "x-goog-api-key",
                           "apikey",
                           "private-token",
                           "x-auth-token",
                           "x-amz-security-token",
                           "x-client-secret",
                           "forwarded",
                           "x-forwarded-for",
                           "x-forwarded-host",
                           "x-original-url",
                           "x-rewrite-url",
                           "x-http-method",
                           "x-http-method-override",
                           "x-method-override",
                           "via",
                           "te",
                           "trailer",
                           "upgrade-insecure-requests",
                           "host",
                           "content-length",
                           "transfer-encoding",
                           "connection",
                           "upgrade",
                           "sec-websocket-key",
                           "x-real-ip"}) {
    EXPECT_TRUE(never_passes(name)) << name;
    RequestHead head;
    head.headers = {{name, "1"}};
    EXPECT_TRUE(filter_request(head, {.extra = {name}}).headers.empty()) << name;
  }
  EXPECT_FALSE(never_passes("accept"));
  EXPECT_FALSE(never_passes("x-build"));
}

TEST(RequestFilter, ARuleAddsNames) {
  const RequestFilter filter{.extra = {"x-build"}};
  EXPECT_EQ(passed({"X-Build: 7", "X-Other: 8"}, filter), "x-build: 7\n");
  EXPECT_EQ(passed({"X-Build: " + std::string(256, 'a')}, filter).size(), 256 + 10U);
  EXPECT_EQ(passed({"X-Build: " + std::string(257, 'a')}, filter), "");
  EXPECT_EQ(passed({"X-Build: 7", "X-Build: 8"}, filter), "x-build: 7\n");
  EXPECT_EQ(passed({"X-Build: \xc3\xa4"}, filter), "");
}

TEST(RequestFilter, AllTogetherIsBounded) {
  const auto out = of(Fields(9, "Accept: " + std::string(1000, 'a')));
  EXPECT_EQ(out.headers.size(), 8U);
  EXPECT_EQ(out.dropped.too_long, 1U);
}

TEST(RequestFilter, ConnectionTakesAwayWhatItNames) {
  EXPECT_EQ(passed({"Connection: close, Range", "Range: bytes=0-1", "Accept: a"}), "accept: a\n");
}

TEST(RequestFilter, EncodingsAreThoseThatCanBeRead) {
  EXPECT_EQ(passed({"Accept-Encoding: br, gzip;q=0.5"}), "accept-encoding: gzip, identity\n");
  EXPECT_EQ(passed({"Accept-Encoding: gzip;q=0, br"}), "accept-encoding: identity\n");
  EXPECT_EQ(passed({"Accept-Encoding: zstd, *"}), "accept-encoding: identity\n");
  EXPECT_EQ(passed({"Accept-Encoding: gzip"}, {.injects = true}), "accept-encoding: identity\n");
}

/// Whoever may ask for parts of an answer that holds a lease is given it in parts.
TEST(RequestFilter, NoPartsAreAskedForWhereALeaseIsPutIn) {
  const Fields fields = {"Range: bytes=0-9", "If-Range: \"a\"", "Request-Range: bytes=0-9",
                         "If-Match: \"a\""};
  const std::vector<std::string> extra = {"range", "request-range"};
  EXPECT_EQ(passed(fields, {.extra = extra}),
            "range: bytes=0-9\nif-range: \"a\"\nrequest-range: bytes=0-9\nif-match: \"a\"\n");
  EXPECT_EQ(passed(fields, {.extra = extra, .injects = true}), "if-match: \"a\"\n");
}

TEST(RequestFilter, GitProtocolIsAVersionOnly) {
  EXPECT_EQ(passed({"Git-Protocol: version=1"}), "git-protocol: version=1\n");
  EXPECT_EQ(passed({"Git-Protocol: version=2:side=channel"}), "");
  EXPECT_EQ(passed({"Git-Protocol: version=3"}), "");
  EXPECT_EQ(passed({"Git-Protocol: version=1", "Git-Protocol: version=2"}),
            "git-protocol: version=1\n");
}

TEST(RequestFilter, AWebsocketsHandshakePassesWhereGranted) {
  const Fields fields = {"Sec-WebSocket-Key: k", "Sec-WebSocket-Version: 13",
                         "Sec-WebSocket-Protocol: p",
                         "Sec-WebSocket-Extensions: permessage-deflate"};
  EXPECT_EQ(passed(fields), "");
  EXPECT_EQ(passed(fields, {.websocket = true}),
            "sec-websocket-key: k\nsec-websocket-version: 13\nsec-websocket-protocol: p\n");
}

TEST(Websocket, IsAWholeHandshake) {
  const Fields whole = {"Upgrade: WebSocket", "Connection: keep-alive, Upgrade",
                        "Sec-WebSocket-Key: k", "Sec-WebSocket-Version: 13"};
  EXPECT_TRUE(asks_websocket(request("GET / HTTP/1.1", whole)));
  EXPECT_FALSE(asks_websocket(request("GET / HTTP/1.0", whole)));
  EXPECT_FALSE(asks_websocket(request("POST / HTTP/1.1", whole)));
  for (size_t i = 0; i < whole.size(); ++i) {
    Fields part = whole;
    part.erase(part.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(asks_websocket(request("GET / HTTP/1.1", part))) << i;
  }
  Fields two = whole;
  two.emplace_back("Upgrade: h2c");
  EXPECT_FALSE(asks_websocket(request("GET / HTTP/1.1", two)));
}

std::string injected(const Injection& injection) {
  const auto made = make_injected(injection);
  if (!made.ok()) {
    EXPECT_EQ(made.error().sys_errno, EINVAL);
    return "refused";
  }
  return made.value().name + ": " + std::string(made.value().value.expose());
}

TEST(Injection, IsAFieldOfItsScheme) {
  const Secret lease("s3cret-1");
  using Scheme = Injection::Scheme;
  EXPECT_EQ(injected({Scheme::kBearer, "", "", &lease}), "authorization: Bearer s3cret-1");
  EXPECT_EQ(injected({Scheme::kToken, "", "", &lease}), "authorization: token s3cret-1");
  EXPECT_EQ(injected({Scheme::kBasic, "u", "", &lease}), "authorization: Basic dTpzM2NyZXQtMQ==");
  EXPECT_EQ(injected({Scheme::kHeader, "", "x-api-key", &lease}), "x-api-key: s3cret-1");
}

TEST(Injection, WhatWouldBeAnotherMessageIsNoLease) {
  using Scheme = Injection::Scheme;
  const Secret lease("s3cret-1");
  for (const std::string& text :
       {std::string("a\r\nX: y"), std::string("a\nb"), std::string(""), std::string("a\0b", 3),
        std::string(" a"), std::string("a\xc3\xa4"), std::string("1234567"),
        std::string(" 12345678"), std::string("12345678\n"), std::string(8193, 'a')}) {
    const Secret bad(text);
    EXPECT_EQ(injected({Scheme::kBearer, "", "", &bad}), "refused") << text;
  }
  EXPECT_EQ(injected({Scheme::kBearer, "", "", nullptr}), "refused");
  EXPECT_EQ(injected({Scheme::kBasic, "u:v", "", &lease}), "refused");
  EXPECT_EQ(injected({Scheme::kBasic, "u\r", "", &lease}), "refused");
  for (const char* name :
       {"", "X-Key", "a b", "host", "content-length", "transfer-encoding", "connection", "a:b"})
    EXPECT_EQ(injected({Scheme::kHeader, "", name, &lease}), "refused") << name;
}

std::string answered(const Fields& fields, const ResponseFilter& filter = {}) {
  std::string out;
  for (const Header& header : filter_response(response("HTTP/1.1 200 OK", fields), filter))
    out += header.name + " ";
  return out;
}

TEST(ResponseFilter, WhatLeadsRoundTheGatewayIsDropped) {
  EXPECT_EQ(answered({"Content-Type: a/b", "Location: /x", "ETag: e",
                      "Strict-Transport-Security: max-age=1", "Set-Cookie: a=b", "Set-Cookie2: c",
                      "Alt-Svc: h3", "Alternate-Protocol: quic", "NEL: {}", "Report-To: {}",
                      "Reporting-Endpoints: a", "Proxy-Authenticate: Basic"}),
            "content-type location etag strict-transport-security ");
}

TEST(ResponseFilter, WhatBelongsToOneConnectionIsDropped) {
  EXPECT_EQ(answered({"Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 5", "Content-Length: 0",
                      "Upgrade: h2c", "Trailer: a", "X-Kept: 1"}),
            "x-kept ");
}

TEST(ResponseFilter, NobodyIsAskedForACredentialWhereOneIsInjected) {
  const Fields fields = {"WWW-Authenticate: Basic", "Authentication-Info: a", "X: y"};
  EXPECT_EQ(answered(fields), "www-authenticate authentication-info x ");
  EXPECT_EQ(answered(fields, {.injected = true}), "x ");
  EXPECT_EQ(status_for_client(401, true), 403);
  EXPECT_EQ(status_for_client(407, true), 403);
  EXPECT_EQ(status_for_client(401, false), 401);
  EXPECT_EQ(status_for_client(404, true), 404);
}

TEST(ResponseFilter, AWebsocketsHandshakePassesWhereGranted) {
  EXPECT_EQ(answered({"Sec-WebSocket-Accept: a"}), "");
  EXPECT_EQ(answered({"Sec-WebSocket-Accept: a"}, {.websocket = true}), "sec-websocket-accept ");
}

TEST(ResponseFilter, KnowsWhatItCanRead) {
  const auto why = [](int status, const Headers& headers) {
    ResponseHead head;
    head.status = status;
    head.headers = headers;
    const auto refusal = why_not_searched(head);
    return refusal ? std::to_string(refusal->status) + " " + std::string(refusal->reason) : "";
  };
  EXPECT_EQ(why(200, {}), "");
  EXPECT_EQ(why(200, {{"content-encoding", "Identity"}}), "");
  EXPECT_EQ(why(200, {{"content-encoding", "gzip"}}), "502 unreadable");
  EXPECT_EQ(why(200, {{"content-encoding", "identity"}, {"content-encoding", "br"}}),
            "502 unreadable");
  EXPECT_EQ(why(206, {}), "502 partial");
  EXPECT_TRUE(speaks_dns({{"content-type", "application/dns-message"}}));
  EXPECT_FALSE(speaks_dns({{"content-type", "application/json"}}));
}

}  // namespace
}  // namespace carrel::gateway::http
