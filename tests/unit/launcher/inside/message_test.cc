#include "launcher/inside/message.h"

#include <gtest/gtest.h>

#include <random>

namespace carrel::inside {
namespace {

std::vector<Question> questions() {
  return {{Ask::kStatus, ""},
          {Ask::kLastDenials, ""},
          {Ask::kPath, "/workspaces/app/\xFF\x1b[2J"},
          {Ask::kPath, "/" + std::string(kMaxSubject - 1, 'x')},
          {Ask::kAddress, "https://example.org/"},
          {Ask::kGitMessage, std::string("/workspaces/app\0fatal: no", 25)},
          {Ask::kNetwork, std::string("a.example\0\0"
                                      "2h\0why",
                                      17)},
          {Ask::kCredential, std::string("ci\0"
                                         "2h\0why",
                                         9)}};
}

TEST(Message, EveryQuestionComesBackEqual) {
  for (const Question& question : questions()) {
    const auto back = parse_question(to_packet(question));
    ASSERT_TRUE(back.ok()) << static_cast<int>(question.ask);
    EXPECT_EQ(back.value(), question);
  }
}

TEST(Message, HasTheDocumentedBytes) {
  EXPECT_EQ(to_packet(Question{Ask::kPath, "/a"}), std::string("\1\0\3\0\2\0\0\0/a", 10));
  EXPECT_EQ(to_packet(Answer{2, "no\n"}), std::string("\1\0\2\1\3\0\0\0no\n", 11));
}

TEST(Message, AnotherQuestionIsNone) {
  const auto refused = [](const Question& question) {
    return !parse_question(to_packet(question)).ok();
  };
  EXPECT_TRUE(refused({static_cast<Ask>(0), ""}));
  EXPECT_TRUE(refused({static_cast<Ask>(8), ""}));
  EXPECT_TRUE(refused({Ask::kStatus, "x"}));
  EXPECT_TRUE(refused({Ask::kLastDenials, "/"}));
  EXPECT_TRUE(refused({Ask::kPath, ""}));
  EXPECT_TRUE(refused({Ask::kPath, "relative"}));
  EXPECT_TRUE(refused({Ask::kPath, std::string("/a\0b", 4)}));
  EXPECT_TRUE(refused({Ask::kPath, "/" + std::string(kMaxSubject, 'x')}));
  EXPECT_TRUE(refused({Ask::kAddress, ""}));
  EXPECT_TRUE(refused({Ask::kGitMessage, "/no message"}));
  EXPECT_TRUE(refused({Ask::kGitMessage, std::string("/a\0b\0c", 6)}));
  EXPECT_TRUE(refused({Ask::kGitMessage, std::string("a\0b", 3)}));
  EXPECT_TRUE(refused({Ask::kNetwork, std::string("a.example\0tcp\0"
                                                  "2h",
                                                  16)}));
  EXPECT_TRUE(refused({Ask::kNetwork, std::string("\0\0"
                                                  "2h\0why",
                                                  8)}));
  EXPECT_TRUE(refused({Ask::kNetwork, std::string("a.example\0\0"
                                                  "2h\0why\0x",
                                                  19)}));
  EXPECT_TRUE(refused({Ask::kCredential, std::string("ci\0"
                                                     "2h",
                                                     5)}));
  EXPECT_TRUE(refused({Ask::kCredential, std::string("\0"
                                                     "2h\0why",
                                                     7)}));
}

TEST(Message, AnswersComeBackAndLongOnesAreCutAtALine) {
  const Answer answer{2, "carrel: denied\n"};
  EXPECT_EQ(parse_answer(to_packet(answer)).value(), answer);
  Answer longer{0, ""};
  while (longer.text.size() < 2 * kMaxText)
    longer.text += "a line of some length\n";
  const std::string packet = to_packet(longer);
  EXPECT_LE(packet.size(), kMaxPacket);
  const auto back = parse_answer(packet);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back.value().text.ends_with("a line of some length\n(more is left out)\n"));
  EXPECT_LE(to_packet(Answer{0, std::string(2 * kMaxText, 'x')}).size(), kMaxPacket);
}

TEST(Message, ACutOrLongerPacketIsNone) {
  for (const Question& question : questions()) {
    const std::string packet = to_packet(question);
    for (size_t size = 0; size < packet.size(); size += 1 + size / 8)
      EXPECT_FALSE(parse_question(packet.substr(0, size)).ok()) << size;
    EXPECT_FALSE(parse_question(packet + "x").ok());
  }
  const std::string answer = to_packet(Answer{1, "text\n"});
  for (size_t size = 0; size < answer.size(); ++size)
    EXPECT_FALSE(parse_answer(answer.substr(0, size)).ok()) << size;
  EXPECT_FALSE(parse_answer(to_packet(Answer{3, ""})).ok());
}

/// Whatever comes, a parser answers, and what it accepts has one spelling.
TEST(Message, FuzzedPacketsAreRefusedOrTheirOwnSpelling) {
  std::mt19937 random(20261125);  // NOLINT: a fixed seed makes failures repeatable
  const auto all = questions();
  size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string packet = to_packet(all[random() % all.size()]);
    if (packet.size() > 200) packet = to_packet(all[0]);
    for (size_t changes = random() % 4; changes > 0; --changes) {
      const size_t at = random() % packet.size();
      switch (random() % 3) {
        case 0:
          packet[at] = static_cast<char>(random());
          break;
        case 1:
          packet.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          packet.erase(at, 1);
      }
      if (packet.empty()) break;
    }
    const auto question = parse_question(packet);
    if (question.ok()) {
      ++accepted;
      ASSERT_EQ(to_packet(question.value()), packet);
    }
    const auto answer = parse_answer(packet);
    if (answer.ok()) {
      ASSERT_EQ(to_packet(answer.value()), packet);
    }
  }
  EXPECT_GT(accepted, 0U);
}

TEST(Printable, KeepsLinesAndEscapesWhatIsNotText) {
  EXPECT_EQ(printable("carrel: a\n  b\n"), "carrel: a\n  b\n");
  EXPECT_EQ(printable("escaped already: \\x1b"), "escaped already: \\x1b");
  EXPECT_EQ(printable("é…\n"), "é…\n");
  EXPECT_EQ(printable("\x1b[2J\nnext"), "\\x1b[2J\nnext");
  EXPECT_EQ(printable("\r\n"), "\\x0d\n");
  EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\n\n"), "\n\n");
  EXPECT_EQ(printable(""), "");
  std::mt19937 random(20261125);  // NOLINT: a fixed seed makes failures repeatable
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& byte : text)
      byte = static_cast<char>(random());
    for (const char byte : printable(text))
      ASSERT_TRUE(byte == '\n' || (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7F));
  }
}

}  // namespace
}  // namespace carrel::inside
