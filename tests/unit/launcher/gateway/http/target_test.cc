#include "launcher/gateway/http/target.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

/// The canonical path, or the refusal.
std::string path(std::string_view text) {
  const auto read = read_path(text);
  const auto* good = std::get_if<std::string>(&read);
  return good == nullptr ? outcome(read) : *good;
}

std::string query(std::string_view text) {
  const auto read = read_query(text);
  const auto* good = std::get_if<std::string>(&read);
  return good == nullptr ? outcome(read) : *good;
}

std::string target(const RequestHead& head, const Origin& origin = kOrigin) {
  const auto read = read_target(head, origin);
  const auto* good = std::get_if<Target>(&read);
  return good == nullptr ? outcome(read) : good->text();
}

std::string line(std::string_view start,
                 const std::vector<std::string>& fields = {"Host: git.example.org"}) {
  return target(request(start, fields));
}

TEST(CanonicalPath, UnreservedCharactersAreDecodedAndOthersUpperCase) {
  EXPECT_EQ(path("/a/b.c"), "/a/b.c");
  EXPECT_EQ(path("/%61%2D%7e/%5f"), "/a-~/_");
  EXPECT_EQ(path("/a%3ab%3A"), "/a%3Ab%3A");
  EXPECT_EQ(path("/@scope/a+b=c,d!$&'()*:"), "/@scope/a+b=c,d!$&'()*:");
  EXPECT_EQ(path("/A/a"), "/A/a");
  EXPECT_EQ(path("/100%25"), "/100%25");
  EXPECT_EQ(path("/100%25zz"), "/100%25zz");
  EXPECT_EQ(path(""), "/");
}

TEST(CanonicalPath, DotsAndEmptyComponentsAreResolved) {
  const std::array<std::array<const char*, 2>, 17> cases = {{{"/", "/"},
                                                             {"//", "/"},
                                                             {"/a//b", "/a/b"},
                                                             {"//a///b//", "/a/b/"},
                                                             {"/a/./b", "/a/b"},
                                                             {"/a/b/.", "/a/b/"},
                                                             {"/a/b/..", "/a/"},
                                                             {"/a/..", "/"},
                                                             {"/a/b/../../c", "/c"},
                                                             {"/a/%2e%2E/b", "/b"},
                                                             {"/a/.%2e/b", "/b"},
                                                             {"/a/%2e/b", "/a/b"},
                                                             {"/a//../b", "/b"},
                                                             {"/a/...", "/a/..."},
                                                             {"/a/..b", "/a/..b"},
                                                             {"/.git/x", "/.git/x"},
                                                             {"/a/b/", "/a/b/"}}};
  for (const auto& [given, wanted] : cases)
    EXPECT_EQ(path(given), wanted) << given;
}

TEST(CanonicalPath, AnEscapedSlashStaysWithinItsComponentWhereItIsKept) {
  const auto kept = [](std::string_view text) {
    const auto read = read_path(text, EscapedSlash::kKept);
    const auto* good = std::get_if<std::string>(&read);
    return good == nullptr ? outcome(read) : *good;
  };
  EXPECT_EQ(kept("/@scope%2fname"), "/@scope%2Fname");
  EXPECT_EQ(kept("/a%2fb/../c%2Fd%2fe/"), "/c%2Fd%2Fe/");
  EXPECT_EQ(kept("/a%2Fb.c%2F..d"), "/a%2Fb.c%2F..d");
  EXPECT_EQ(kept("/a/b"), "/a/b");
  for (const char* bad : {"/..%2f", "/%2f..", "/a%2f..", "/..%2fa", "/a%2F..%2Fb",
                          "/a%2f%2e%2e%2fb", "/a%2f.", "/.%2fa", "/%2e%2fa", "/%2f", "/%2fa",
                          "/a%2f", "/a%2f%2fb", "/a/%2fb", "/a%2f/b", "/a%5cb", "/a%2f..%5cb"})
    EXPECT_EQ(kept(bad), "400 path-escaped-slash") << bad;
  EXPECT_EQ(kept("/a%252fb"), "400 path-escaped-twice");
  EXPECT_EQ(kept("/a%2f;x"), "400 path-parameters");
  EXPECT_EQ(kept("/../a%2fb"), "400 path-above-root");
}

TEST(CanonicalPath, NothingLeadsAboveTheRoot) {
  for (const char* given : {"/..", "/../a", "/a/../..", "/%2e%2e/a", "//..", "/a/../../b", "/./.."})
    EXPECT_EQ(path(given), "400 path-above-root") << given;
}

TEST(CanonicalPath, WhatTwoReadersCouldReadTwoWaysIsRefused) {
  const std::array<std::array<const char*, 2>, 32> cases = {{
      {"/a%2fb", "path-escaped-slash"},
      {"/a%2Fb", "path-escaped-slash"},
      {"/a%5cb", "path-escaped-slash"},
      {"/..%2f", "path-escaped-slash"},
      {"/a\\b", "path-backslash"},
      {"/..\\a", "path-backslash"},
      {"/a;x=1/b", "path-parameters"},
      {"/a/..;/b", "path-parameters"},
      {"/a/..%3b/b", "path-parameters"},
      {"/a%3Bx", "path-parameters"},
      {"/%00", "path-control"},
      {"/a%0d%0aX:y", "path-control"},
      {"/%1f", "path-control"},
      {"/%7F", "path-control"},
      {"/%80", "path-not-ascii"},
      {"/%c0%af", "path-not-ascii"},
      {"/%C3%A4", "path-not-ascii"},
      {"/%ff", "path-not-ascii"},
      {"/a%", "escape"},
      {"/a%2", "escape"},
      {"/a%zz", "escape"},
      {"/a%u002f", "escape"},
      {"/%252e%252e/a", "path-escaped-twice"},
      {"/%252f", "path-escaped-twice"},
      {"/%25%32%65", "path-escaped-twice"},
      {"/a%25aF", "path-escaped-twice"},
      {"/a#b", "fragment"},
      {"/a<b", "path-character"},
      {"/a|b", "path-character"},
      {"/[a]", "path-character"},
      {"/a\"b", "path-character"},
      {"/{a}", "path-character"},
  }};
  for (const auto& [given, reason] : cases)
    EXPECT_EQ(path(given), std::string("400 ") + reason) << given;
  EXPECT_EQ(path("a"), "400 target");
}

TEST(CanonicalQuery, HasOneForm) {
  EXPECT_EQ(query("a=b&c=%2f%7e;/?"), "a=b&c=%2F~;/?");
  EXPECT_EQ(query("q[]={a|b}\\"), "q%5B%5D=%7Ba%7Cb%7D%5C");
  EXPECT_EQ(query("a=%C3%a4"), "a=%C3%A4");
  EXPECT_EQ(query(""), "");
  EXPECT_EQ(query("a=%00"), "400 query-control");
  EXPECT_EQ(query("a=%0"), "400 escape");
  EXPECT_EQ(query("a#b"), "400 fragment");
  EXPECT_EQ(query("a b"), "400 query-control");
}

TEST(Target, IsThePathAndQueryOfTheDialledHost) {
  EXPECT_EQ(line("GET /a/../b?x=%7e HTTP/1.1"), "/b?x=~");
  EXPECT_EQ(line("GET /a? HTTP/1.1"), "/a?");
  EXPECT_EQ(line("GET /a?b?c HTTP/1.1"), "/a?b?c");
  EXPECT_EQ(line("GET / HTTP/1.0"), "/");
}

TEST(Target, HostIsThereOnceAndTheDialledOne) {
  for (const char* host : {"git.example.org", "GIT.Example.org", "git.example.org:443"})
    EXPECT_EQ(line("GET /a HTTP/1.1", {std::string("Host: ") + host}), "/a") << host;
  for (const char* host :
       {"example.org", "git.example.org.", "git.example.org:80", "git.example.org:0443",
        "git.example.org:", "git.example.org:443:443", "git.example.org, x", "", "127.0.0.1",
        "evil.org/git.example.org", "git.example.org:+443", "xgit.example.org"})
    EXPECT_EQ(line("GET /a HTTP/1.1", {std::string("Host: ") + host}), "421 authority") << host;
  EXPECT_EQ(line("GET /a HTTP/1.1", {"Host: u@git.example.org"}), "400 user-information");
  EXPECT_EQ(line("GET /a HTTP/1.1", {}), "400 host");
  EXPECT_EQ(line("GET /a HTTP/1.0", {}), "400 host");
  EXPECT_EQ(line("GET /a HTTP/1.1", {"Host: git.example.org", "Host: git.example.org"}),
            "400 host");
}

TEST(Target, WholeUrlsNameThatHostToo) {
  EXPECT_EQ(line("GET https://git.example.org/a?b HTTP/1.1"), "/a?b");
  EXPECT_EQ(line("GET HTTPS://GIT.example.org:443 HTTP/1.1"), "/");
  EXPECT_EQ(line("GET https://git.example.org?b HTTP/1.1"), "/?b");
  EXPECT_EQ(line("GET https://other.example.org/a HTTP/1.1"), "421 authority");
  EXPECT_EQ(line("GET https://git.example.org:8443/a HTTP/1.1"), "421 authority");
  EXPECT_EQ(line("GET https://u:p@git.example.org/ HTTP/1.1"), "400 user-information");
  EXPECT_EQ(line("GET https://git.example.org@evil.org/ HTTP/1.1"), "400 user-information");
  EXPECT_EQ(line("GET https://git.example.org\\@evil.org/ HTTP/1.1"), "400 user-information");
  EXPECT_EQ(line("GET https://evil.org#git.example.org/ HTTP/1.1"), "421 authority");
  EXPECT_EQ(line("GET http://git.example.org/a HTTP/1.1"), "400 target");
  EXPECT_EQ(line("GET ftp://git.example.org/a HTTP/1.1"), "400 target");
  EXPECT_EQ(line("GET //evil.org/a HTTP/1.1"), "/evil.org/a");
  EXPECT_EQ(line("GET https://git.example.org/a HTTP/1.1", {"Host: evil.org"}), "421 authority");
}

TEST(Target, OtherFormsAndTunnelsAreRefused) {
  EXPECT_EQ(line("CONNECT git.example.org:443 HTTP/1.1"), "405 method");
  EXPECT_EQ(line("CONNECT /a HTTP/1.1"), "405 method");
  EXPECT_EQ(line("TRACE / HTTP/1.1"), "405 method");
  EXPECT_EQ(line("OPTIONS * HTTP/1.1"), "400 target");
  EXPECT_EQ(line("GET git.example.org:443 HTTP/1.1"), "400 target");
  EXPECT_EQ(line("GET a HTTP/1.1"), "400 target");
}

TEST(Target, EscapingMayNotMakeItTooLong) {
  const std::string start = "GET /?" + std::string(1500, '|') + " HTTP/1.1";
  EXPECT_EQ(line(start), "414 long-target");
  EXPECT_EQ(line("GET /?" + std::string(4000, 'a') + " HTTP/1.1"), "/?" + std::string(4000, 'a'));
}

TEST(Origin, NamesItsPortWhereItIsNotTheSchemesOwn) {
  EXPECT_EQ(kOrigin.host(), "git.example.org");
  EXPECT_EQ((Origin{"a.example", 80, false}.host()), "a.example");
  EXPECT_EQ((Origin{"a.example", 80, true}.host()), "a.example:80");
  EXPECT_EQ((Origin{"a.example", 8443, true}.host()), "a.example:8443");
  const RequestHead plain = request("GET http://a.example:81/b HTTP/1.1", {"Host: a.example:81"});
  EXPECT_EQ(target(plain, {"a.example", 81, false}), "/b");
}

}  // namespace
}  // namespace carrel::gateway::http
