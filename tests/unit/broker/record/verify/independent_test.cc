// The record against programs that share no code with ours: OpenSSL's own tool, and a Python script
// written from docs/evidence-format.md.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "broker/record/evidence/keys.h"
#include "tests/unit/broker/record/sample_record.h"

namespace carrel::verify {
namespace {

/// The exit status of a command whose output nobody reads.
int run(const std::string& command) {
  const int status = std::system((command + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int verify_root(const SampleRecord& record) {
  return run("/usr/bin/python3 " CARREL_SOURCE_DIR "/scripts/verify_root.py " + record.path());
}

/// More than 256 events in blocks that do not end where groups of salts do.
SampleOptions long_session() {
  SampleOptions options;
  options.events = SampleRecord::session_events();
  const events::Event end = options.events.back();
  options.events.pop_back();
  for (const events::Event& event : events::sample_events(700)) {
    const bool special = std::holds_alternative<events::RecorderOpen>(event.data) ||
                         std::holds_alternative<events::RecorderLoss>(event.data);
    if (event.seq < options.events.size() || special) continue;
    options.events.push_back(event);
    options.events.back().seq = options.events.size() - 1;
  }
  options.events.push_back(end);
  options.events.back().seq = options.events.size() - 1;
  options.events_per_block = 100;
  options.segments_after = {90, 300, 301};
  return options;
}

TEST(VerifyRootScript, AgreesOnTheRoot) {
  EXPECT_EQ(verify_root(SampleRecord()), 0);
  EXPECT_EQ(verify_root(SampleRecord(long_session())), 0);
}

TEST(VerifyRootScript, DisagreesOnADamagedRecord) {
  const SampleRecord record;
  const std::string good = record.read("000002.seg");
  // Also with a trailer made anew, which only the root can tell.
  SampleOptions options;
  options.events = SampleRecord::session_events();
  std::get<events::FileOpen>(options.events[8].data).path = "/tmp/g";
  record.put("000002.seg", SampleRecord(options).read("000002.seg"));
  EXPECT_NE(verify_root(record), 0);
  std::string flipped = good;
  flipped[90] = static_cast<char>(flipped[90] ^ 1);
  record.put("000002.seg", flipped);
  EXPECT_NE(verify_root(record), 0);
  record.put("000002.seg", good);
  EXPECT_EQ(verify_root(record), 0);
  const std::string notes = record.read("seals.notes");
  record.put("seals.notes", notes.substr(0, notes.rfind("\ncarrel.local/session/") + 1));
  EXPECT_NE(verify_root(record), 0);
}

TEST(VerifyRootScript, StaysShortEnoughToBeRead) {
  std::ifstream file(CARREL_SOURCE_DIR "/scripts/verify_root.py");
  size_t lines = 0;
  bool in_words = false;
  for (std::string line; std::getline(file, line);) {
    const bool quotes = line.find("\"\"\"") != std::string::npos;
    if (quotes) in_words = !in_words;
    if (!in_words && !quotes && !line.empty() && line[0] != '#') ++lines;
  }
  EXPECT_GT(lines, 20U);
  EXPECT_LE(lines, 40U);
}

/// The indented commands below the sentence of the format document that ends in "by hand:".
std::string commands_by_hand() {
  std::ifstream file(CARREL_SOURCE_DIR "/docs/evidence-format.md");
  std::string out;
  bool found = false;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with("by hand:")) found = true;
    if (found && line.starts_with("    ")) out += line + "\n";
    if (found && !out.empty() && line.empty()) break;
  }
  return out;
}

TEST(OpensslTool, VerifiesTheClosingSealByTheDocumentsCommands) {
  const std::string commands = commands_by_hand();
  ASSERT_NE(commands.find("openssl pkeyutl -verify"), std::string::npos);
  const SampleRecord record;
  const support::Folder folder;
  const auto verify = [&](const std::string& notes) {
    std::ofstream(folder / "seals.notes", std::ios::binary) << notes;
    std::ofstream(folder / "by-hand.sh") << "set -e\ncd " << folder.path() << "\n" << commands;
    return run("sh " + folder.path() + "/by-hand.sh");
  };
  std::string notes = record.read("seals.notes");
  EXPECT_EQ(verify(notes), 0);
  notes.replace(notes.rfind("lost 0"), 6, "lost 1");
  EXPECT_NE(verify(notes), 0);
}

TEST(OpensslTool, VerifiesTheClosingSeal) {
  const SampleRecord record;
  const std::string file = record.read("seals.notes");
  const auto notes = evidence::split_notes(file).notes;
  const auto before = evidence::parse_note(notes[notes.size() - 2].bytes).take();
  const auto closing = evidence::parse_note(notes.back().bytes).take();
  const evidence::PublicKey key = *evidence::parse_seal(before.text).value().next;
  const support::Folder folder;
  const auto put = [&](const std::string& name, const std::string& bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  };
  put("text", closing.text);
  put("other", closing.text + "\n");
  for (const size_t line : {0U, 1U}) {
    put("key.pem", evidence::to_pem(line == 0 ? key : record.broker().public_key()));
    put("signature", closing.signatures[line].blob);
    const std::string command = "cd " + folder.path() +
                                " && openssl pkeyutl -verify -rawin -pubin -inkey key.pem"
                                " -sigfile signature -in ";
    EXPECT_EQ(run(command + "text"), 0) << line;
    EXPECT_NE(run(command + "other"), 0) << line;
  }
}

}  // namespace
}  // namespace carrel::verify
