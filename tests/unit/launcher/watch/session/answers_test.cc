// What the session answers to questions from inside, in words.

#include "launcher/watch/session/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <random>

#include "launcher/watch/session/git_message.h"
#include "profiles/parse/parse.h"

namespace carrel::session {
namespace {

using inside::Answer;
using inside::Ask;
using inside::Question;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kProfile =
    "profile = \"fix\"\nversion = 3\nsummary = \"s\"\n[purpose]\nstatement = \"t\"\n"
    "[[repository]]\nname = \"app\"\nsource = \"/s\"\nref = \"main\"\n"
    "read = [\"docs\"]\nwrite = [\"web/src\"]\nnever = [\"web/src/secrets\"]\n";

class AnswersTest : public testing::Test {
 protected:
  AnswersTest()
      : profile_(parse::parse_profile(kProfile, "fix.toml").take().profile),
        judge_(profile_),
        limits_({{"memory", uint64_t{64} << 20}, {"processes", 64}, {"open_files", 256}},
                {{"tmpfs", "/tmp"}}) {
    config_.mutable_spec()->set_session("01hzw00000000000000000000s");
    config_.mutable_spec()->set_task("local/fix");
    config_.mutable_spec()->set_person("local:1000\x1b");
    config_.mutable_spec()->set_profile_path("fix.toml");
    protocol::RuleLine* line = config_.mutable_spec()->add_rule_lines();
    line->set_id("repository.app");
    line->set_line(6);
    protocol::AssuranceItem* item = config_.add_assurance();
    item->set_id("disk-encrypted");
    item->set_why("not built yet");
    denials_.emplace(config_.spec(), profile_);
    answers_.emplace(config_, profile_, *denials_, judge_, limits_);
  }
  Answer ask(Ask what, std::string subject = "") const {
    return answers_->answer({what, std::move(subject)}, facts_);
  }
  void deny(std::string rule, events::Data data, int error = 0,
            const std::string& exe = "/bin/cat") {
    events::Event event;
    event.verdict = events::Verdict::kDenied;
    event.rule = std::move(rule);
    event.error = error;
    event.process = events::Process{1, 2, 3, exe};
    event.data = std::move(data);
    denials_->take(event, 3'661'000'000'000);
  }

  protocol::SessionConfig config_;
  model::Profile profile_;
  Judge judge_;
  LimitWatch limits_;
  LiveFacts facts_;
  std::optional<Denials> denials_;
  std::optional<Answers> answers_;
};

TEST_F(AnswersTest, APathIsDecidedAsAnAttemptWouldBe) {
  const Answer write = ask(Ask::kPath, "/workspaces/app/web/src/../src/a.c");
  EXPECT_EQ(write.status, 0);
  EXPECT_THAT(write.text, HasSubstr("carrel: /workspaces/app/web/src/a.c\n"));
  EXPECT_THAT(write.text, HasSubstr("change     allowed: "));
  EXPECT_THAT(write.text, HasSubstr("(repository.app.write.web/src)"));
  const Answer read = ask(Ask::kPath, "/workspaces/app/docs/guide.md");
  EXPECT_EQ(read.status, 2);
  EXPECT_THAT(read.text, HasSubstr("read       allowed: "));
  EXPECT_THAT(read.text,
              HasSubstr("change     denied: \"docs\" of repository \"app\" may be read but not "
                        "changed; write in [[repository]] \"app\" could grant more."));
  EXPECT_THAT(read.text, HasSubstr("Ask whoever grants task local/fix."));
  const Answer hidden = ask(Ask::kPath, "/workspaces/app/billing");
  EXPECT_EQ(hidden.status, 2);
  EXPECT_THAT(hidden.text, HasSubstr("read       denied: "));
  EXPECT_THAT(hidden.text, HasSubstr("(repository.app, fix.toml line 6)"));
  EXPECT_EQ(ask(Ask::kPath, "/workspaces/app/web/src/secrets/key").status, 2);
  EXPECT_EQ(ask(Ask::kPath, "/etc/shadow").status, 2);
  const Answer own = ask(Ask::kPath, "/tmp/x");
  EXPECT_EQ(own.status, 0);
  EXPECT_THAT(own.text, HasSubstr("no rule forbids it"));
  EXPECT_EQ(ask(Ask::kPath, "/workspaces/app").status, 0);
}

TEST_F(AnswersTest, AnAddressIsDenied) {
  for (const char* address : {"https://example.org:8443/a?b", "example.org", "http://192.0.2.7",
                              "ssh://[2001:db8::1]:22"}) {
    const Answer answer = ask(Ask::kAddress, address);
    EXPECT_EQ(answer.status, 2) << address;
    EXPECT_THAT(answer.text, HasSubstr("(default:network)")) << address;
  }
  EXPECT_THAT(ask(Ask::kAddress, "example.org").text, HasSubstr("carrel: https://example.org\n"));
  EXPECT_THAT(ask(Ask::kAddress, "example.org").text, HasSubstr("Ask whoever grants"))
      << "there is no way out that more could be asked of";
  EXPECT_EQ(ask(Ask::kAddress, "https://user@example.org:8443/a?b").status, 1);
  for (const char* address : {"http://localhost:3000", "http://127.0.0.1/", "http://[::1]:80/"})
    EXPECT_EQ(ask(Ask::kAddress, address).status, 0) << address;
  EXPECT_EQ(ask(Ask::kAddress, "http:///x").status, 1);
}

TEST(NetworkAnswers, SayRuleLineWhatPassesAndHowToAskForMore) {
  const model::Profile profile =
      parse::parse_profile(
          "profile = \"fix\"\nversion = 3\nsummary = \"s\"\n[purpose]\nstatement = \"t\"\n"
          "[[network]]\nhost = \"read.example.org\"\nports = [443]\n"
          "http = [{ methods = [\"GET\"], path = \"/a\" }]\n",
          "fix.toml")
          .take()
          .profile;
  protocol::SessionConfig config;
  config.mutable_spec()->set_profile_path("fix.toml");
  protocol::RuleLine* line = config.mutable_spec()->add_rule_lines();
  line->set_id("network.read.example.org");
  line->set_line(6);
  Judge judge(profile);
  Denials denials(config.spec(), profile);
  const LimitWatch limits({}, {});
  const Answers answers(config, profile, denials, judge, limits);
  const auto why = [&answers](const std::string& url) {
    return answers.answer({Ask::kAddress, url}, {});
  };
  const Answer passes = why("https://read.example.org/a");
  EXPECT_EQ(passes.status, 0);
  EXPECT_THAT(passes.text, HasSubstr("(network.read.example.org, fix.toml line 6)"));
  EXPECT_THAT(passes.text, HasSubstr("passes     GET /a\n"));
  const Answer denied = why("https://read.example.org/b");
  EXPECT_EQ(denied.status, 2);
  EXPECT_THAT(denied.text, HasSubstr("To ask for it: carrel request network read.example.org:443 "
                                     "--for REASON --until TIME\n"));
  EXPECT_EQ(why("https://new.example.org/").status, 2);
  judge.grant("1", decide::granted_network(profile, "new.example.org", 443, "passthrough").take());
  EXPECT_EQ(why("https://new.example.org/").status, 0) << "by what was granted";
  judge.end_grant("1");
  EXPECT_EQ(why("https://new.example.org/").status, 2);
  events::Event event;
  event.verdict = events::Verdict::kDenied;
  event.rule = "default:network";
  event.data = events::DnsQuery{1, "new.example.org", "A", "no-such-name", "denied", "", 1};
  EXPECT_THAT(denials.take(event, 1).value_or(""),
              HasSubstr("To ask for it: carrel request network new.example.org --for REASON "
                        "--until TIME - `carrel why` tells more.\n"));
  events::HttpRequest request;
  request.method = "POST";
  request.host = "read.example.org";
  request.path = "/a";
  request.reason = "no-rule";
  request.flow = 7;
  event.rule = "network.read.example.org";
  event.data = request;
  EXPECT_THAT(denials.take(event, 1).value_or(""),
              HasSubstr("carrel: denied: http.request POST read.example.org/a (no-rule): "));
  EXPECT_EQ(denials.kept().back().request,
            "carrel request network read.example.org --for REASON --until TIME");
  event.verdict = events::Verdict::kAllowed;
  event.data = events::NetOpen{7, "read.example.org", "198.18.0.1", 8443, "inspect"};
  denials.take(event, 1);
  event.verdict = events::Verdict::kDenied;
  const auto asked = [&](const char* reason) {
    request.reason = reason;
    event.data = request;
    denials.take(event, 1);
    return denials.kept().back().request;
  };
  EXPECT_EQ(asked("no-rule"),
            "carrel request network read.example.org:8443 --for REASON --until TIME");
  EXPECT_EQ(asked("body-too-large"), asked("no-rule"));
  EXPECT_EQ(asked("path-parameters"), "") << "no grant changes what the gateway does not read";
  event.data = events::NetClose{7, "read.example.org", "", 0, 0, "closed", "", 1};
  denials.take(event, 1);
  EXPECT_EQ(asked("no-rule"), "carrel request network read.example.org --for REASON --until TIME");
}

TEST_F(AnswersTest, LastDenialsSayRuleLineAndWhomToAsk) {
  EXPECT_EQ(ask(Ask::kLastDenials), (Answer{0, "carrel: nothing was denied in this session\n"}));
  deny("repository.app", events::FileOpen{"/workspaces/app/billing\x1b[2J", 0, false, 0, 0},
       ENOENT);
  deny("repository.app", events::FileOpen{"/workspaces/app/billing\x1b[2J", 0, false, 0, 0},
       ENOENT);
  deny("default:network", events::NetConnect{"inet", "192.0.2.1", 443}, ENETUNREACH);
  deny("default:forward", events::NetForward{"127.0.0.1", 3001}, EACCES);
  const Answer answer = ask(Ask::kLastDenials);
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.text, HasSubstr("carrel: 4 denied in this session"));
  EXPECT_THAT(answer.text,
              HasSubstr("01:01:01 file.open /workspaces/app/billing\\x1b[2J ENOENT (2 times)\n"));
  EXPECT_THAT(answer.text, HasSubstr("(repository.app, fix.toml line 6)\n"));
  EXPECT_THAT(answer.text, HasSubstr("net.connect 192.0.2.1 port 443 ENETUNREACH\n"));
  EXPECT_THAT(answer.text, HasSubstr("net.forward 127.0.0.1 port 3001 EACCES\n"));
  EXPECT_THAT(answer.text, HasSubstr("through a channel; a [[forward]] table could grant a port. "
                                     "(default:forward)\n"));
  EXPECT_THAT(answer.text, HasSubstr("Ask whoever grants task local/fix."));
  EXPECT_THAT(answer.text, Not(HasSubstr("git")));
  EXPECT_EQ(answer.text.find('\x1b'), std::string::npos);
  deny("repository.app.read.docs", events::FileUnlink{"/workspaces/app/docs/a"}, EROFS,
       "/usr/bin/git");
  EXPECT_THAT(ask(Ask::kLastDenials).text, HasSubstr("WHAT GIT PRINTED"));
}

TEST_F(AnswersTest, ManyDenialsStayBounded) {
  for (int i = 0; i < 10'000; ++i)
    deny("repository.app",
         events::FileOpen{"/workspaces/app/" + std::string(5000, 'x') + std::to_string(i), 0, false,
                          0, 0},
         ENOENT);
  EXPECT_LE(denials_->kept().size(), Denials::kMostKept);
  EXPECT_LT(ask(Ask::kLastDenials).text.size(), inside::kMaxText);
  EXPECT_EQ(denials_->count(), 10'000U);
}

TEST_F(AnswersTest, GitsMessagesAreReadFromTheTopOfTheTree) {
  const auto about = [this](const std::string& message) {
    return ask(Ask::kGitMessage, std::string("/workspaces/app/web/src\0", 24) + message);
  };
  const Answer answer = about("error: unable to unlink old 'docs/guide.md': Read-only file system");
  EXPECT_EQ(answer.status, 2);
  EXPECT_THAT(answer.text, HasSubstr("carrel: /workspaces/app/docs/guide.md\n"));
  EXPECT_THAT(answer.text, HasSubstr("Git wanted to change this and may not."));
  EXPECT_EQ(about("fatal: not a git repository: nothing known").status, 1);
  EXPECT_THAT(about("error: unable to create file web/src/a: Permission denied").text,
              Not(HasSubstr("Git wanted")));
}

TEST_F(AnswersTest, StatusSaysTimeLimitsRecordAndAssurance) {
  facts_.running_s = 90;
  facts_.left_s = {
      {"idle_timeout", 59}, {"max_duration", 4 * 3600 + 59}, {"task", 6 * 86'400 + 7205}};
  facts_.reading.memory_used = 12 << 20;
  facts_.reading.processes_used = 5;
  facts_.reading.volumes = {{100 << 20, 60 << 20, 10, 5}};
  EXPECT_EQ(
      ask(Ask::kStatus).text,
      "carrel: session 01hzw00000000000000000000s\n"
      "  task       local/fix, profile fix version 3\n"
      "  person     local:1000\\x1b\n"
      "  time       1m 30s since the beginning\n"
      "  ends       in 59s (idle_timeout, unless something is typed)\n"
      "  ends       in 4h 0m (max_duration)\n"
      "  ends       in 6d 2h (task)\n"
      "  memory     12 MiB of 64 MiB\n"
      "  processes  5 of 64\n"
      "  open_files 256\n"
      "  tmpfs      40 MiB of 100 MiB in /tmp\n"
      "  denied     0\n"
      "  recorded   what is shown on the terminal, processes, files and network; no keystrokes\n"
      "  may look   those who grant and review this task\n"
      "  assurance  not given by this host:\n"
      "             disk-encrypted: not built yet\n");
  facts_.left_s.clear();
  facts_.reading = {};
  EXPECT_THAT(ask(Ask::kStatus).text, HasSubstr("no limit\n  memory     64 MiB\n"));
}

/// Whatever is asked, the answer is bounded text that moves no terminal.
TEST_F(AnswersTest, FuzzedSubjectsGiveBoundedText) {
  std::mt19937 random(20261125);  // NOLINT: a fixed seed makes failures repeatable
  const std::string bits[] = {
      "/",         "..",      ".",    "//", "/workspaces/app",    "docs", "://",
      "[",         "]",       "@",    ":",  std::string("\0", 1), "'",    ": Read-only file system",
      "renaming ", "\x1b[2J", "\xFF", "git"};
  for (int round = 0; round < 20'000; ++round) {
    std::string subject = random() % 4 == 0 ? "" : "/";
    for (size_t left = random() % 12; left > 0; --left)
      subject += bits[random() % std::size(bits)];
    const auto what = static_cast<Ask>(1 + random() % 5);
    const auto question = inside::parse_question(inside::to_packet(Question{what, subject}));
    if (!question.ok()) continue;
    const Answer answer = answers_->answer(question.value(), facts_);
    ASSERT_LE(answer.status, 2);
    ASSERT_LT(answer.text.size(), inside::kMaxText);
    ASSERT_EQ(inside::printable(answer.text), answer.text);
    ASSERT_TRUE(answer.text.ends_with("\n"));
  }
}

TEST(GitMessage, PathsAreFoundInWhatGitPrints) {
  const std::pair<const char*, const char*> known[] = {
      {"error: unable to unlink old 'docs/a.md': Read-only file system", "docs/a.md"},
      {"error: unable to create file docs/a b.md: Read-only file system", "docs/a b.md"},
      {"warning: unable to rmdir 'docs': Device or resource busy", "docs"},
      {"warning: failed to remove docs/: Device or resource busy", "docs/"},
      {"fatal: renaming 'docs/a.md' failed: Read-only file system", "docs/a.md"},
      {"fatal: could not open 'docs/a.md' for writing: Read-only file system", "docs/a.md"},
      {"error: unable to unlink 'docs/x': Permission denied\nAborting", "docs/x"},
      {"fatal: renaming 'a' failed", "a"},
      {"The following paths and/or pathspecs matched paths that exist\noutside of your "
       "sparse-checkout definition, so will not be\nupdated in the index:\ndocs/guide.md\nhint: x",
       "docs/guide.md"},
  };
  for (const auto& [message, path] : known)
    EXPECT_EQ(path_in_git_message(message), path) << message;
  for (const char* other :
       {"", ":", "'", "''", "error: pathspec 'x' did not match", ": Read-only file system",
        "'': Read-only file system", "fatal: bad revision 'x'"})
    EXPECT_EQ(path_in_git_message(other), std::nullopt) << other;
}

}  // namespace
}  // namespace carrel::session
