#include "launcher/inside/arguments.h"

#include <gtest/gtest.h>

namespace carrel::inside {
namespace {

using Wish = std::variant<Question, Words>;

Wish wish(const std::vector<std::string_view>& words) {
  return take_arguments(words, "/workspaces/app/web");
}

int status_of(const std::vector<std::string_view>& words) {
  const Wish said = wish(words);
  return std::holds_alternative<Words>(said) ? std::get<Words>(said).status : -1;
}

TEST(Arguments, EachVerbIsItsQuestion) {
  EXPECT_EQ(wish({"status"}), Wish(Question{Ask::kStatus, ""}));
  EXPECT_EQ(wish({"why"}), Wish(Question{Ask::kLastDenials, ""}));
  EXPECT_EQ(wish({"why", "src/../a"}), Wish(Question{Ask::kPath, "/workspaces/app/web/src/../a"}));
  EXPECT_EQ(wish({"why", "/etc/shadow"}), Wish(Question{Ask::kPath, "/etc/shadow"}));
  EXPECT_EQ(wish({"why", "https://example.org"}),
            Wish(Question{Ask::kAddress, "https://example.org"}));
  EXPECT_EQ(
      wish({"why", "error: unable to unlink old 'a'"}),
      Wish(Question{Ask::kGitMessage,
                    std::string("/workspaces/app/web\0error: unable to unlink old 'a'", 51)}));
}

TEST(Arguments, WhatIsNotBuiltSaysSo) {
  EXPECT_EQ(wish({"submit"}), Wish(Words{1, "carrel: submit: not supported yet\n"}));
}

TEST(Arguments, ARequestNeedsHostReasonAndTimeInAnyOrder) {
  const std::string plain = std::string("a.example:8443") + '\0' + '\0' + "2h" + '\0' + "a test";
  const std::string tcp = std::string("a.example") + '\0' + "tcp" + '\0' + "2h" + '\0' + "a test";
  EXPECT_EQ(wish({"request", "network", "a.example:8443", "--for", "a test", "--until", "2h"}),
            Wish(Question{Ask::kNetwork, plain}));
  EXPECT_EQ(wish({"request", "network", "--tcp", "--until", "2h", "--for", "a test", "a.example"}),
            Wish(Question{Ask::kNetwork, tcp}));
  EXPECT_EQ(status_of({"request"}), 1);
  EXPECT_EQ(status_of({"request", "network"}), 1);
  EXPECT_EQ(status_of({"request", "network", "a.example", "--for", "a test"}), 1);
  EXPECT_EQ(status_of({"request", "network", "a.example", "--until", "2h"}), 1);
  EXPECT_EQ(status_of({"request", "network", "a.example", "--until", "2h", "--for"}), 1);
  EXPECT_EQ(status_of({"request", "network", "a.example", "--until", "2h", "--for", "x", "y"}), 1);
  EXPECT_EQ(status_of({"request", "network", "a.example", "--until", "2h", "--for", "x", "-y"}), 1);
}

TEST(Arguments, ARequestForACredentialNeedsNameReasonAndTime) {
  const std::string plain = std::string("ci") + '\0' + "2h" + '\0' + "a test";
  EXPECT_EQ(wish({"request", "credential", "ci", "--for", "a test", "--until", "2h"}),
            Wish(Question{Ask::kCredential, plain}));
  EXPECT_EQ(status_of({"request", "credential"}), 1);
  EXPECT_EQ(status_of({"request", "credential", "ci"}), 1);
  EXPECT_EQ(status_of({"request", "credential", "ci", "--for", "x"}), 1);
  EXPECT_EQ(status_of({"request", "credential", "ci", "--for", "x", "--until", "2h", "--tcp"}), 1);
  EXPECT_EQ(status_of({"request", "credential", "ci", "cd", "--for", "x", "--until", "2h"}), 1);
}

TEST(Arguments, UsageIsOneAndHelpIsNone) {
  EXPECT_EQ(status_of({}), 1);
  EXPECT_EQ(status_of({"--help"}), 0);
  EXPECT_EQ(status_of({"open"}), 1);
  EXPECT_EQ(status_of({"status", "x"}), 1);
  EXPECT_EQ(status_of({"why", "a", "b"}), 1);
  EXPECT_EQ(status_of({"why", ""}), 1);
  EXPECT_EQ(status_of({"why", std::string(kMaxSubject, 'x')}), 1);
  EXPECT_EQ(std::get<Words>(wish({"\x1b[2J"})).text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace carrel::inside
