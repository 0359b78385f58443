#include "broker/record/events/json.h"

#include <gtest/gtest.h>

#include "broker/record/events/json_text.h"
#include "tests/unit/broker/record/sample_events.h"
#include <nlohmann/json.hpp>

namespace carrel::events {
namespace {

const Rule kNetwork{"default:network", "no network", "", 0};
const Rule kWrite{"repository:app:write:web", "write web", "demo.toml", 12};

const Rule* lookup(std::string_view id) {
  if (id == kNetwork.id) return &kNetwork;
  return id == kWrite.id ? &kWrite : nullptr;
}

Event event_of(Data data) {
  Event event;
  event.seq = 4;
  event.mono_ns = 17;
  event.real_ns = 1'764'000'000'000'000'001;
  event.data = std::move(data);
  return event;
}

std::string data_of(Data data) {
  const std::string line = to_json(event_of(std::move(data)), "s", lookup);
  const size_t at = line.find("\"data\":") + 7;
  return line.substr(at, line.size() - at - 1);
}

TEST(Json, WholeLineInTheDocumentedOrder) {
  Event event = event_of(FileOpen{"/workspaces/app/a", 02000000, false, 5, 2049});
  event.verdict = Verdict::kDenied;
  event.rule = kWrite.id;
  event.process = Process{3, 4711, 1, "/bin/sh"};
  event.error = 30;
  EXPECT_EQ(to_json(event, "01k", lookup),
            R"({"v":1,"session":"01k","seq":4,"time":"2025-11-24T16:00:00.000000001Z",)"
            R"("mono_ns":17,"kind":"file","type":"file.open","verdict":"denied",)"
            R"("rule":{"id":"repository:app:write:web","text":"write web",)"
            R"("file":"demo.toml","line":12},"channel":null,)"
            R"("process":{"id":3,"pid":4711,"parent":1,"exe":"/bin/sh"},"errno":"EROFS",)"
            R"("data":{"path":"/workspaces/app/a","flags":["O_RDONLY","O_CLOEXEC"],)"
            R"("created":false,"inode":5,"device":2049}})");
}

TEST(Json, NullsAndUnknownRules) {
  Event event = event_of(FileEnter{"/"});
  const auto plain = nlohmann::json::parse(to_json(event, "s", lookup));
  for (const char* name : {"rule", "channel", "process", "errno"})
    EXPECT_TRUE(plain.at(name).is_null()) << name;
  event.rule = kNetwork.id;
  auto line = nlohmann::json::parse(to_json(event, "s", lookup));
  EXPECT_TRUE(line["rule"]["file"].is_null());
  EXPECT_TRUE(line["rule"]["line"].is_null());
  event.rule = "gone";
  line = nlohmann::json::parse(to_json(event, "s", nullptr));
  EXPECT_EQ(line["rule"]["id"], "gone");
  EXPECT_EQ(line["rule"]["text"], "");
}

TEST(Json, DataOfEveryType) {
  EXPECT_EQ(data_of(ProcessExec{"/bin/ls", {"ls", "-l"}, 6, false}),
            R"({"path":"/bin/ls","argv":["ls","-l"],"argv_bytes":6,"truncated":false})");
  EXPECT_EQ(data_of(ProcessExec{"/bin/ls", {"ls", "\xFF"}, 6, true}),
            R"({"path":"/bin/ls","argv_b64":["bHM=","/w=="],"argv_bytes":6,"truncated":true})");
  EXPECT_EQ(data_of(ProcessFork{7, 9}), R"({"child":7,"child_pid":9})");
  EXPECT_EQ(data_of(ProcessExit{3, 0}), R"({"code":3,"signal":null})");
  EXPECT_EQ(data_of(ProcessExit{0, 9}), R"({"code":0,"signal":"SIGKILL"})");
  EXPECT_EQ(data_of(ProcessRefused{"bpf", {1, UINT64_MAX}}),
            R"({"call":"bpf","args":[1,18446744073709551615]})");
  EXPECT_EQ(data_of(FileRename{"a", "b\xFF"}), R"({"from":"a","to_b64":"Yv8="})");
  EXPECT_EQ(data_of(TerminalOutput{"pty", "hi\x1B"}), R"({"stream":"pty","bytes_b64":"aGkb"})");
  EXPECT_EQ(data_of(NetConnect{"inet", "192.0.2.1", 443}),
            R"({"family":"inet","address":"192.0.2.1","port":443})");
  EXPECT_EQ(
      data_of(Credential{"issued", "t", "l", "a", 1764000000}),
      R"({"name":"t","lease":"l","audience":"a","not_after":"2025-11-24T16:00:00.000000000Z"})");
  EXPECT_EQ(data_of(FileChanged{"p", "added", "", std::string(32, '\1'), 0, 3, 0, 0100644, ""}),
            R"({"path":"p","change":"added","before_sha256":null,"after_sha256":")"
            R"(0101010101010101010101010101010101010101010101010101010101010101",)"
            R"("before_bytes":0,"after_bytes":3,"before_mode":0,"after_mode":33188,"note":""})");
  EXPECT_EQ(data_of(PolicyDisplaced{"a\xFF", "missing"}), R"({"path_b64":"Yf8=","now":"missing"})");
  EXPECT_EQ(data_of(PolicyOrder{"closed", "local:0", "the \"end\""}),
            R"({"person":"local:0","reason":"the \"end\""})");
  EXPECT_EQ(data_of(PolicyTime{"warned", "hours", 60}), R"({"limit":"hours","left_s":60})");
  EXPECT_EQ(data_of(PolicyAgreed{"nda.md", 2, std::string(32, '\1'), 1764000000000000000, "typed",
                                 "I agree"}),
            R"({"agreement":"nda.md","version":2,"text_sha256":")"
            R"(0101010101010101010101010101010101010101010101010101010101010101",)"
            R"("accepted":"2025-11-24T16:00:00.000000000Z","how":"typed","answer":"I agree"})");
  EXPECT_EQ(data_of(RecorderLoss{3, {{"file.open", 2}}}),
            R"({"since_seq":3,"counts":{"file.open":2}})");
}

TEST(Json, EveryTypeIsOneValidLineWithoutControlBytes) {
  for (const Event& event : sample_events(3 * sample_data().size())) {
    const std::string line = to_json(event, "01k", lookup);
    const auto parsed = nlohmann::json::parse(line);
    EXPECT_EQ(parsed["type"], type_name(event.data));
    for (const char c : line)
      EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

TEST(Json, StringsNeverSteerATerminal) {
  std::string out;
  append_json_string(&out, std::string("a\"\\\n\x1B\x7F\x00\xC2\x9B\xE2\x80\xAE\xC3\xA9", 14));
  EXPECT_EQ(out, R"("a\"\\\n\u001b\u007f\u0000\u009b\u202eé")");
  EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(),
            std::string("a\"\\\n\x1B\x7F\x00\xC2\x9B\xE2\x80\xAE\xC3\xA9", 14));
}

TEST(Json, FlagAndSignalNames) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(open_flag_names(0), (Names{"O_RDONLY"}));
  EXPECT_EQ(open_flag_names(01101), (Names{"O_WRONLY", "O_CREAT", "O_TRUNC"}));
  EXPECT_EQ(open_flag_names(020200002), (Names{"O_RDWR", "O_TMPFILE"}));
  EXPECT_EQ(open_flag_names(04010000), (Names{"O_RDONLY", "O_SYNC"}));
  EXPECT_EQ(open_flag_names(0x80000020), (Names{"O_RDONLY", "0x80000020"}));
  EXPECT_EQ(signal_name(15), "SIGTERM");
  EXPECT_EQ(signal_name(40), "SIG40");
}

}  // namespace
}  // namespace carrel::events
