#include "launcher/gateway/http/git_push.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/launcher/gateway/http/packets.h"

namespace carrel::gateway::http {
namespace {

using State = PushJudge::State;

const std::string kOld(40, 'a');
const std::string kNew(40, 'b');
const std::string kZero(40, '0');
const std::string kCapabilities =
    std::string(1, '\0') + " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5";

std::string command(const std::string& ref, const std::string& after = kNew) {
  return kOld + " " + after + " " + ref;
}

std::string word(const PushJudge& judge) {
  if (judge.state() == State::kMore) return "more";
  if (judge.state() == State::kAllowed) return "ok";
  EXPECT_FALSE(judge.refusal().why.empty());
  EXPECT_EQ(judge.refusal().status, 403);
  return std::string(judge.refusal().reason);
}

/// The verdict, which is the same whatever the pieces, and holds back everything until then.
std::string of(const std::string& body,
               const std::vector<std::string>& refs = {"refs/heads/contrib/*"}) {
  PushJudge whole(refs);
  whole.add(body);
  whole.end();
  PushJudge bytes(refs);
  for (const char c : body) {
    if (bytes.state() == State::kMore) bytes.add(std::string_view(&c, 1));
  }
  bytes.end();
  EXPECT_EQ(word(bytes), word(whole)) << body;
  if (whole.state() == State::kAllowed) {
    EXPECT_EQ(whole.front(), body);
  }
  return word(whole);
}

std::string push(const std::vector<std::string>& commands, const std::string& behind = "PACK....") {
  std::string body;
  for (const std::string& line : commands)
    body += packet(body.empty() ? line + kCapabilities : line);
  return body + "0000" + behind;
}

TEST(GitPush, RefsOfTheRuleMayChange) {
  const std::string body = push({command("refs/heads/contrib/a"), command("refs/heads/contrib/b")});
  EXPECT_EQ(of(body), "ok");
  PushJudge judge({"refs/heads/contrib/*"});
  EXPECT_EQ(judge.add(body), State::kAllowed);
  const std::vector<PushCommand> wanted = {{kOld, kNew, "refs/heads/contrib/a"},
                                           {kOld, kNew, "refs/heads/contrib/b"}};
  EXPECT_EQ(judge.commands(), wanted);
  EXPECT_EQ(of(push({kZero + " " + kNew + " refs/heads/contrib/new"})), "ok");
  EXPECT_EQ(of(packet("shallow " + kOld + "\n") + push({command("refs/heads/contrib/a")})), "ok");
}

TEST(GitPush, NothingPassesBeforeTheVerdict) {
  const std::string body = push({command("refs/heads/contrib/a")});
  PushJudge judge({"refs/heads/contrib/*"});
  for (size_t i = 0; i + 5 < body.size(); ++i)
    ASSERT_EQ(judge.add(body.substr(i, 1)), State::kMore) << i;
}

TEST(GitPush, OtherRefsAreDenied) {
  for (const char* ref :
       {"refs/heads/main", "refs/heads/contrib", "refs/heads/contrib/a/b", "refs/heads/contribx/a",
        "refs/meta/config", "refs/for/main", "refs/notes/commits", "refs/replace/x"})
    EXPECT_EQ(of(push({command(ref)})), "git-push-ref") << ref;
  EXPECT_EQ(of(push({command("refs/heads/contrib/a"), command("refs/heads/main")})),
            "git-push-ref");
  EXPECT_EQ(of(push({command("refs/heads/contrib/a")}), {}), "git-push-ref");
}

TEST(GitPush, TagsAreDeniedUnlessNamed) {
  EXPECT_EQ(of(push({command("refs/tags/v1")})), "git-push-tag");
  EXPECT_EQ(of(push({command("refs/tags/v1")}), {"refs/**", "refs/*/v1", "**"}), "git-push-tag");
  EXPECT_EQ(of(push({command("refs/tags/v1")}), {"refs/tags/v*"}), "ok");
}

TEST(GitPush, DeletionsAreDenied) {
  EXPECT_EQ(of(push({command("refs/heads/contrib/a", kZero)}, "")), "git-push-delete");
  EXPECT_EQ(of(push({command("refs/heads/contrib/a"), command("refs/heads/contrib/b", kZero)})),
            "git-push-delete");
}

TEST(GitPush, CommandsAreBounded) {
  std::vector<std::string> commands;
  for (int i = 0; i < 16; ++i)
    commands.push_back(command("refs/heads/contrib/" + std::to_string(i)));
  EXPECT_EQ(of(push(commands)), "ok");
  commands.push_back(command("refs/heads/contrib/16"));
  EXPECT_EQ(of(push(commands)), "git-push-commands");
  EXPECT_EQ(of(push({command("refs/heads/contrib/a"), command("refs/heads/contrib/a")})),
            "git-push-commands");
  std::string many;
  for (int i = 0; i < 257; ++i)
    many += packet("shallow " + kOld);
  EXPECT_EQ(of(many + push({command("refs/heads/contrib/a")})), "git-push-line");
}

TEST(GitPush, OptionsAndCertificatesAreDenied) {
  const std::string ref = command("refs/heads/contrib/a");
  EXPECT_EQ(of(packet(ref + std::string("\0push-options", 13)) + "0000" + packet("x") + "0000PACK"),
            "git-push-options");
  EXPECT_EQ(
      of(packet(std::string("push-cert\0report-status", 23)) + packet("certificate version 0.1")),
      "git-push-line");
  EXPECT_EQ(of(packet(ref + std::string("\0push-cert=abc", 14)) + "0000PACK"), "git-push-line");
  EXPECT_EQ(of(packet(ref + std::string("\0anything", 9)) + "0000PACK"), "git-push-line");
}

TEST(GitPush, TheProbeBeforeALargePushPasses) {
  EXPECT_EQ(of("0000"), "ok");
  EXPECT_EQ(of("0000", {}), "ok");
  EXPECT_EQ(of("0000PACK"), "git-packet");
  EXPECT_EQ(of("00000000"), "git-packet");
  EXPECT_EQ(of(packet("shallow " + kOld) + "0000"), "git-packet");
  EXPECT_EQ(of(""), "git-packet");
}

TEST(GitPush, WhatIsNoPackIsDenied) {
  const std::vector<std::string> good = {command("refs/heads/contrib/a")};
  EXPECT_EQ(of(push(good, "PACK")), "ok");
  EXPECT_EQ(of(push(good, "")), "git-packet");
  EXPECT_EQ(of(push(good, "PAC")), "git-packet");
  EXPECT_EQ(of(push(good, "PACXsecret")), "git-packet");
  EXPECT_EQ(of(push(good, packet("more"))), "git-packet");
  EXPECT_EQ(of(packet(good[0]) + "0001" + "PACK"), "git-packet");
  EXPECT_EQ(of(packet(good[0]) + "zzzz"), "git-packet");
}

TEST(GitPush, LinesHaveOneForm) {
  const std::string ref = "refs/heads/contrib/a";
  for (const std::string& line :
       {std::string("hello"), kOld + " " + kNew, kOld + "  " + kNew + " " + ref,
        kOld + " " + std::string(40, 'B') + " " + ref,
        kOld + " " + std::string(64, 'b') + " " + ref,
        std::string(39, 'a') + " " + kNew + " " + ref, command(ref + " x"), command(ref + "\n\n"),
        command(""), std::string("shallow x")})
    EXPECT_EQ(of(packet(line) + "0000PACK"), "git-push-line") << line;
  const std::string second = packet(command("refs/heads/contrib/b") + kCapabilities);
  EXPECT_EQ(of(packet(command(ref)) + second + "0000PACK"), "git-push-line");
  EXPECT_EQ(of(packet(command(ref)) + packet("shallow " + kOld) + "0000PACK"), "git-push-line");
}

TEST(GitPush, TheFrontIsBounded) {
  std::string body;
  while (body.size() <= kMaxPushFront)
    body += packet("shallow " + std::string(64, 'a'));
  EXPECT_EQ(of(body), "git-push-line");
  std::string words;
  for (int i = 0; i < 10'000; ++i)
    words += " quiet";
  std::string front;
  for (size_t i = 0; i < kMaxPushShallows; ++i)
    front += packet("shallow " + kOld);
  const std::string line = command("refs/heads/contrib/a") + std::string(1, '\0');
  EXPECT_EQ(of(front + packet(line + " quiet") + "0000PACK"), "ok");
  EXPECT_EQ(of(front + packet(line + words) + "0000PACK"), "git-packet");
  const std::string agent = "agent=" + std::string(256, 'a');
  EXPECT_EQ(of(packet(command("refs/heads/contrib/a") + std::string(1, '\0') + agent) + "0000PACK"),
            "git-push-line");
}

TEST(RefNames, AreThoseOfGit) {
  for (const char* good : {"refs/heads/a", "refs/heads/a/b.c", "refs/tags/v1.0", "refs/heads/-a"})
    EXPECT_TRUE(is_ref(good)) << good;
  for (const std::string& bad : {std::string("HEAD"),
                                 std::string("refs/heads"),
                                 std::string("refs/heads/"),
                                 std::string("refs//a"),
                                 std::string("refs/heads/../tags/a"),
                                 std::string("refs/heads/.a"),
                                 std::string("refs/heads/a.lock"),
                                 std::string("refs/heads/a.lock/b"),
                                 std::string("refs/heads/a."),
                                 std::string("refs/heads/a~1"),
                                 std::string("refs/heads/a^"),
                                 std::string("refs/heads/a:b"),
                                 std::string("refs/heads/a?"),
                                 std::string("refs/heads/*"),
                                 std::string("refs/heads/[a"),
                                 std::string("refs/heads/a\\b"),
                                 std::string("refs/heads/@{1}"),
                                 std::string("refs/heads/@"),
                                 std::string("refs/heads/a b"),
                                 std::string("refs/heads/\x7f"),
                                 std::string("refs/heads/\xc3\xa4"),
                                 "refs/heads/" + std::string(250, 'a')})
    EXPECT_FALSE(is_ref(bad)) << bad;
}

TEST(RefGlobs, MatchComponentByComponent) {
  EXPECT_TRUE(names_ref("refs/heads/a", "refs/heads/a"));
  EXPECT_TRUE(names_ref("refs/heads/*", "refs/heads/a"));
  EXPECT_TRUE(names_ref("refs/heads/fix-*", "refs/heads/fix-1"));
  EXPECT_TRUE(names_ref("refs/heads/*-x-*", "refs/heads/a-x-b-x-c"));
  EXPECT_TRUE(names_ref("refs/heads/**", "refs/heads/a/b/c"));
  EXPECT_TRUE(names_ref("refs/heads/contrib/t1/**", "refs/heads/contrib/t1/a"));
  EXPECT_FALSE(names_ref("refs/heads/*", "refs/heads/a/b"));
  EXPECT_FALSE(names_ref("refs/heads/fix-*", "refs/heads/fix"));
  EXPECT_FALSE(names_ref("refs/heads/a/**", "refs/heads/a"));
  EXPECT_FALSE(names_ref("refs/heads/a", "refs/heads/ab"));
  EXPECT_FALSE(names_ref("refs/heads/a/b", "refs/heads/a"));
  EXPECT_FALSE(names_ref("refs/*/a", "refs/heads/a"));
  EXPECT_FALSE(names_ref("**", "refs/heads/a"));
  EXPECT_FALSE(names_ref("refs/**", "refs/heads/a"));
  EXPECT_FALSE(names_ref("", "refs/heads/a"));
  EXPECT_FALSE(names_ref("refs/heads/*a*a*a*a*a*b", "refs/heads/" + std::string(240, 'a')));
}

TEST(GitPush, FuzzedBodiesPassOnlyWithRefsOfTheRule) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  const std::string sample =
      push({command("refs/heads/contrib/a"), command("refs/heads/contrib/b")});
  int taken = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string body = sample;
    for (auto count = random() % 3; count > 0; --count)
      body[random() % body.size()] = static_cast<char>(random());
    PushJudge judge({"refs/heads/contrib/*"});
    if (judge.add(body) != State::kAllowed) continue;
    ++taken;
    for (const PushCommand& one : judge.commands())
      ASSERT_TRUE(one.ref.starts_with("refs/heads/contrib/")) << one.ref;
  }
  EXPECT_GT(taken, 1'000);
}

}  // namespace
}  // namespace carrel::gateway::http
