#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/launcher/cli/review/review_record.h"
#include <nlohmann/json.hpp>

namespace carrel::review {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

Script busy_session() {
  Script script;
  for (int i = 0; i < 3; ++i)
    script.deny(events::FileOpen{"/etc/shadow", 0, false, 0, 0}, "default:host-files", EACCES);
  script.deny(events::FileOpen{"/workspaces/app/keys", 0, false, 0, 0}, "repository:app:never:keys",
              ENOENT);
  script.add(events::FileOpen{"/workspaces/app/a.c", 1, false, 1, 1}, events::Verdict::kAllowed);
  script.add(events::Credential{"issued", "registry", "l1", "https://a.test", 1'764'000'100});
  script.add(events::Credential{"ended", "registry", "l1", "https://a.test", 1'764'000'100});
  script.add(events::FileChanged{"/workspaces/app/a.c", "modified", std::string(32, 'b'),
                                 std::string(32, 'a'), 7, 6, 0100644, 0100644, ""});
  script.add(events::FileChanged{"/workspaces/app/new", "added", "", std::string(32, 'c'), 0, 9, 0,
                                 0100644, ""});
  return script.end();
}

json show_json_of(const ReviewRecord& record) {
  const Answer answer =
      answer_of([&](Output output) { return show(record.subject(), Shape::kJson, output); });
  EXPECT_EQ(answer.code, 0) << answer.err;
  return json::parse(answer.out);
}

std::string show_text_of(const ReviewRecord& record, int code = 0) {
  const Answer answer =
      answer_of([&](Output output) { return show(record.subject(), Shape::kText, output); });
  EXPECT_EQ(answer.code, code) << answer.err;
  return answer.out;
}

TEST(Show, TerminalsThatWereAttachedAndHowTheyEnded) {
  EXPECT_THAT(show_text_of(ReviewRecord(busy_session())), Not(HasSubstr("terminals")));
  Script script;
  script.on("2", events::TerminalOpened{"make\x1b[2J -j2", "tty"});
  script.on("3", events::TerminalOpened{"/bin/bash", "pipes"});
  script.on("2", events::TerminalEnded{"command", 137});
  script.on("", events::TerminalEnded{"command", 0});
  const ReviewRecord record(script.end());
  const std::string text = show_text_of(record);
  EXPECT_THAT(text, HasSubstr("terminals   2 besides the first\n"));
  EXPECT_THAT(text, HasSubstr("make\\x1b[2J -j2 (tty), ended by command, status 137\n"));
  EXPECT_THAT(text, HasSubstr("/bin/bash (pipes), not ended in the record\n"));
  const json terminals = show_json_of(record)["terminals"];
  ASSERT_EQ(terminals.size(), 2U);
  EXPECT_EQ(terminals[0]["channel"], "2");
  EXPECT_EQ(terminals[0]["ended"], json::parse(R"({"by":"command","code":137})"));
  EXPECT_EQ(terminals[1]["how"], "pipes");
  EXPECT_TRUE(terminals[1]["ended"].is_null());
}

TEST(Show, SshConnectionsAndThePortsThatWereReached) {
  Script script;
  script.on("2", events::TerminalOpened{"", "ssh"});
  script.on("2.1", events::TerminalOpened{"make", "pipes"});
  for (int i = 0; i < 2; ++i)
    script.add(events::NetForward{"127.0.0.1", 3000}, events::Verdict::kAllowed);
  script.add(events::NetForward{"::1", 3000}, events::Verdict::kAllowed);
  script.deny(events::NetForward{"x\x1b[2J", 80}, "default:forward", EACCES);
  script.on("2", events::TerminalEnded{"person", 0});
  const ReviewRecord record(script.end());
  const std::string text = show_text_of(record);
  EXPECT_THAT(text, HasSubstr("ssh connection, ended by person, status 0\n"));
  EXPECT_THAT(text, HasSubstr("make (pipes), not ended in the record\n"));
  EXPECT_THAT(text, HasSubstr("ports       2 reached through ssh\n"
                              "  127.0.0.1 port 3000, 2 connections\n"
                              "  ::1 port 3000, 1 connection\n"));
  EXPECT_THAT(text, HasSubstr("net.forward x\\x1b[2J:80 EACCES"));
  EXPECT_EQ(show_json_of(record)["forwards"],
            json::parse(R"([{"address":"127.0.0.1","port":3000,"times":2},
                            {"address":"::1","port":3000,"times":1}])"));
}

TEST(Show, LimitsThatWereReachedAndWhatPeopleAndTimeDid) {
  Script script;
  script.add(events::Limit{"near", "tmpfs", 16 << 20, 15 << 20, 0, "/tmp"});
  script.add(events::Limit{"hit", "memory", 256 << 20, 0, 1, "/usr/bin/x\x1b[2J"});
  script.add(events::Limit{"hit", "memory", 256 << 20, 0, 2, "/usr/bin/y"});
  script.add(events::Limit{"hit", "cpu", 1500, 0, 7, ""});
  script.add(events::Limit{"held", "host_disk", 256 << 20, 100 << 20, 0, ""});
  script.add(events::Limit{"released", "host_disk", 320 << 20, 400 << 20, 0, ""});
  script.add(events::PolicyOrder{"paused", "local:7", "a question\x1b"});
  script.add(events::PolicyTime{"over", "max_duration", 0});
  const ReviewRecord record(script.end());
  const std::string text = show_text_of(record);
  EXPECT_THAT(text, HasSubstr("limits      4 reached or nearly\n"
                              "  tmpfs 16MiB nearly reached, 1 time, first +"));
  EXPECT_THAT(text, HasSubstr("  memory 256MiB reached, 3 times, first +"));
  EXPECT_THAT(text, HasSubstr(": /usr/bin/x\\x1b[2J\n"));
  EXPECT_THAT(text, HasSubstr("  cpu 1.5 processors reached, 7 times, first +"));
  EXPECT_THAT(text, HasSubstr("  host_disk 256MiB to be free: held until it was, 1 time"));
  EXPECT_THAT(text, HasSubstr("orders      2, of people and of time\n"));
  EXPECT_THAT(text, HasSubstr("paused by local:7: a question\\x1b\n"));
  EXPECT_THAT(text, HasSubstr("over by max_duration\n"));
  const json answer = show_json_of(record);
  ASSERT_EQ(answer["limits"].size(), 4U);
  EXPECT_EQ(answer["limits"][1]["times"], 3);
  EXPECT_EQ(answer["limits"][1]["value"], 256 << 20);
  EXPECT_EQ(answer["orders"][0]["reason"], "a question\u001b");
  EXPECT_EQ(answer["orders"][1]["by"], "max_duration");
}

TEST(Show, AnomaliesWithTheirNumbersAndNoEscapes) {
  EXPECT_THAT(show_text_of(ReviewRecord(busy_session())), Not(HasSubstr("anomalies")));
  Script script;
  script.add(events::NetAnomaly{"scan", "api.test", "201 different paths, the last /\x1b[2J"});
  script.add(events::NetAnomaly{"names", "", "21 different names"});
  const ReviewRecord record(script.end());
  EXPECT_THAT(
      show_text_of(record),
      HasSubstr("anomalies   2 of the network: noticed, not refused\n"
                "  scan api.test: 201 different paths, the last /\\x1b[2J  (event 1, +0.001s)\n"
                "  names: 21 different names  (event 2, +0.002s)\n"));
  const json anomalies = show_json_of(record)["anomalies"];
  ASSERT_EQ(anomalies.size(), 2U);
  EXPECT_EQ(anomalies[0]["what"], "scan");
  EXPECT_EQ(anomalies[0]["name"], "api.test");
  EXPECT_EQ(anomalies[1]["detail"], "21 different names");
  EXPECT_EQ(anomalies[1]["seq"], 2);
}

TEST(Show, FindsRoomForManyAnomalies) {
  Script script;
  for (int i = 0; i < 1200; ++i)
    script.add(events::NetAnomaly{"scan", "api.test", "n"});
  const ReviewRecord record(script.end());
  EXPECT_THAT(show_text_of(record), HasSubstr("anomalies   1200 of the network"));
  EXPECT_THAT(show_text_of(record), HasSubstr("  ... and 1000 more (carrel events lists them)\n"));
  EXPECT_EQ(show_json_of(record)["anomalies"].size(), 1000U);
}

TEST(Show, JsonHasExactlyTheDocumentedFields) {
  const json answer = show_json_of(ReviewRecord(busy_session()));
  std::vector<std::string> names;
  for (const auto& [name, value] : answer.items())
    names.push_back(name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre(
                         "v", "session", "workspace", "task", "profile", "profile_version",
                         "profile_sha256", "person", "host", "mode", "command", "started", "ended",
                         "state", "end", "events", "denied", "changed", "lost", "sensor",
                         "assurance", "counts", "denials", "changes", "terminals", "forwards",
                         "limits", "orders", "anomalies", "credentials", "loss", "seals"));
  EXPECT_EQ(answer["state"], "closed");
  EXPECT_EQ(answer["end"], json::parse(R"({"by":"command","code":0})"));
  EXPECT_EQ(answer["person"], "local:1000");
  EXPECT_EQ(answer["events"], 11);
  EXPECT_EQ(answer["denied"], 4);
  EXPECT_EQ(answer["changed"], 2);
  EXPECT_EQ(answer["counts"]["file"], json::parse(R"({"allowed":1,"denied":4,"observed":2})"));
  EXPECT_EQ(answer["assurance"][1]["why"], "not built yet");
  EXPECT_EQ(answer["seals"]["size"], 11);
  EXPECT_EQ(answer["seals"]["count"], 3);
}

TEST(Show, JsonGroupsEqualDenials) {
  const json denials = show_json_of(ReviewRecord(busy_session()))["denials"];
  ASSERT_EQ(denials.size(), 2U);
  EXPECT_EQ(denials[0]["times"], 3);
  EXPECT_EQ(denials[0]["seq"], 1);
  EXPECT_EQ(denials[0]["object"], "/etc/shadow");
  EXPECT_EQ(denials[0]["errno"], "EACCES");
  EXPECT_EQ(denials[0]["rule"]["id"], "default:host-files");
  EXPECT_TRUE(denials[0]["rule"]["file"].is_null());
  EXPECT_EQ(denials[1]["rule"], json::parse(R"({"id":"repository:app:never:keys",
      "text":"never keys","file":"demo.toml","line":12})"));
}

TEST(Show, JsonListsChangesAndCredentials) {
  const json answer = show_json_of(ReviewRecord(busy_session()));
  ASSERT_EQ(answer["changes"].size(), 2U);
  EXPECT_EQ(answer["changes"][1]["change"], "added");
  EXPECT_TRUE(answer["changes"][1]["before_sha256"].is_null());
  EXPECT_EQ(answer["changes"][1]["after_bytes"], 9);
  ASSERT_EQ(answer["credentials"].size(), 1U);
  EXPECT_EQ(answer["credentials"][0]["lease"], "l1");
  EXPECT_FALSE(answer["credentials"][0]["ended"].is_null());
}

TEST(Show, TextIsOnePageWithRulesAndTheirLines) {
  const std::string text = show_text_of(ReviewRecord(busy_session()));
  EXPECT_THAT(text, HasSubstr("local:1000 on host.test"));
  EXPECT_THAT(text, HasSubstr("disk-encrypted: not built yet"));
  EXPECT_THAT(text, HasSubstr("3x    file.open /etc/shadow EACCES  (first: event 1, +0.001s)"));
  EXPECT_THAT(text, HasSubstr("default:host-files: host files are out of bounds"));
  EXPECT_THAT(text, HasSubstr("repository:app:never:keys: never keys (demo.toml:12)"));
  EXPECT_THAT(text, HasSubstr("~ /workspaces/app/a.c"));
  EXPECT_THAT(text, HasSubstr("+ /workspaces/app/new"));
  EXPECT_THAT(text, HasSubstr("7 -> 6 bytes"));
  EXPECT_THAT(text, HasSubstr("carrel verify 01k000000000\n"));
}

TEST(Show, TellsALiveSessionFromABrokenOne) {
  Script script;
  script.add(events::FileOpen{"/a", 0, false, 1, 1});
  ReviewRecord record(script, ReviewRecord::Ending::kBroken);
  EXPECT_THAT(show_text_of(record), HasSubstr("did not end properly"));
  record.subject().row.set_state("running");
  EXPECT_THAT(show_text_of(record), HasSubstr("still running"));
  const json answer = show_json_of(record);
  EXPECT_EQ(answer["state"], "running");
  EXPECT_TRUE(answer["ended"].is_null());
  EXPECT_TRUE(answer["end"].is_null());
}

TEST(Show, BelievesTheRecordNotTheRow) {
  ReviewRecord record(busy_session());
  record.subject().row.set_person("local:0");
  record.subject().row.set_denied(0);
  const json answer = show_json_of(record);
  EXPECT_EQ(answer["person"], "local:1000");
  EXPECT_EQ(answer["denied"], 4);
}

TEST(Show, AnswersForADamagedRecordAndSaysSo) {
  const ReviewRecord record(busy_session());
  std::string segment = record.record().read("000001.seg");
  segment[0] ^= 0x55;
  record.record().put("000001.seg", segment);
  const std::string text = show_text_of(record, 1);
  EXPECT_THAT(text, HasSubstr("did not end properly"));
}

TEST(Show, EscapesHostileNames) {
  Script script({"a\x1b]0;x\x07", "\xff"});
  const std::string hostile = "/workspaces/app/\x1b[2J\xc2\x9b\xe2\x80\xae\n.c";
  script.deny(events::FileOpen{hostile, 0, false, 0, 0}, "default:\x1b[m", EACCES);
  script.add(
      events::FileChanged{hostile, "added", "", std::string(32, 'c'), 0, 9, 0, 0100644, "\x1b"});
  const std::string text = show_text_of(ReviewRecord(script.end()));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(text, HasSubstr("/workspaces/app/\\x1b[2J\\u{009b}\\u{202e}\\x0a.c"));
  EXPECT_TRUE(show_json_of(ReviewRecord(script)).contains("command_b64"));
}

TEST(Sessions, AreATableOrOneArray) {
  ReviewRecord record(busy_session());
  protocol::SessionRow row = record.subject().row;
  row.set_person("local:1000");
  row.add_command("x\x1b[2J");
  row.set_end_by("command");
  const Answer table =
      answer_of([&](Output output) { return list_sessions({row}, Shape::kText, output); });
  EXPECT_THAT(table.out, HasSubstr("01k000000000"));
  EXPECT_THAT(table.out, HasSubstr("x\\x1b[2J"));
  const Answer array = answer_of([&](Output output) {
    return list_sessions({row, row}, Shape::kJson, output);
  });
  const json parsed = json::parse(array.out);
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(parsed[0]["end"]["by"], "command");
  EXPECT_EQ(parsed[0].size(), 19U);
  const Answer none =
      answer_of([&](Output output) { return list_sessions({}, Shape::kJson, output); });
  EXPECT_EQ(none.out, "[]\n");
}

TEST(Verify, SaysWhatThePolicyIsWorth) {
  const ReviewRecord record(busy_session());
  const Answer good = answer_of([&](Output output) {
    return verify_session(record.subject(), record.record().policy(), verify::PolicySource::kState,
                          Shape::kText, output);
  });
  // A row of made-up digests names blobs that are not there.
  EXPECT_THAT(good.out, HasSubstr("proves nothing against its operator"));
  const ReviewRecord plain(Script().end());
  const Answer none = answer_of([&](Output output) {
    return verify_session(plain.subject(), std::nullopt, verify::PolicySource::kNone, Shape::kJson,
                          output);
  });
  EXPECT_EQ(json::parse(none.out)["policy"], "none");
}

}  // namespace
}  // namespace carrel::review
