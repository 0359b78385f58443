#include "broker/record/evidence/note.h"

#include <gtest/gtest.h>

#include "broker/record/evidence/policy.h"
#include "tests/unit/broker/record/evidence/vectors.h"

namespace carrel::evidence {
namespace {

constexpr std::string_view kNeumannText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr std::string_view kNeumannVkey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kNeumannLine =
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
constexpr std::string_view kEnochLine =
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"
    "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

VerifierKey vkey(std::string_view text) {
  return parse_vkey(text).take();
}

std::string neumann_note() {
  return std::string(kNeumannText) + "\n" + std::string(kNeumannLine);
}

TEST(Note, C2spExampleVerifies) {
  const auto note = parse_note(
      "This is an example message.\n\n— example.com/foo "
      "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM"
      "=\n");
  ASSERT_TRUE(note.ok());
  const auto key = vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  EXPECT_EQ(check_signature(note.value(), key), SignatureState::kGood);
}

TEST(Note, SigningGivesTheKnownLine) {
  const Secret seed(unhex("810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173"));
  const SigningKey key = SigningKey::from_seed(seed).take();
  EXPECT_EQ(to_hex(as_view(key.public_key())),
            "1a5cd907143c384c41e830c5bce12aa8817ec5649aaabf2c31388b35b2d744d6");
  EXPECT_EQ(format_vkey(make_vkey("PeterNeumann", key.public_key())), kNeumannVkey);
  EXPECT_EQ(sign_note(kNeumannText, "PeterNeumann", key).value(), neumann_note());
}

TEST(Note, TwoSigners) {
  const auto note = parse_note(neumann_note() + std::string(kEnochLine)).take();
  const auto enoch = vkey("EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop");
  const auto signers = verify_note(note, {vkey(kNeumannVkey), enoch});
  ASSERT_TRUE(signers.ok());
  EXPECT_EQ(signers.value().size(), 2U);
  EXPECT_EQ(format_note(note), neumann_note() + std::string(kEnochLine));
  EXPECT_FALSE(verify_note(note, {enoch, enoch}).ok());
}

TEST(Note, CountersignatureIsAppended) {
  const SigningKey key = SigningKey::from_seed(seed_of(1)).take();
  const std::string both = countersign(neumann_note(), "broker", key).take();
  EXPECT_TRUE(both.starts_with(neumann_note()));
  const auto note = parse_note(both).take();
  EXPECT_EQ(check_signature(note, make_vkey("broker", key.public_key())), SignatureState::kGood);
  EXPECT_EQ(check_signature(note, vkey(kNeumannVkey)), SignatureState::kGood);
  EXPECT_FALSE(countersign("no note", "broker", key).ok());
}

TEST(Note, EveryOtherSpellingIsRefused) {
  const std::string text(kNeumannText);
  const std::string line(kNeumannLine);
  const std::vector<std::string> bad = {"",
                                        "\n",
                                        text,
                                        text + "\n",
                                        text + line,
                                        text + "\n" + line.substr(0, line.size() - 1),
                                        text + "\n" + line + "\n",
                                        text + "\n" + line + "x\n",
                                        text + "\nPeterNeumann" + line,
                                        text + "\n" + line.substr(3),
                                        text + "\n— +" + line.substr(4),
                                        text + "\n—  x\n",
                                        text + "\n— PeterNeumann\n",
                                        text + "\n— PeterNeumann x08=\n",
                                        text + "\n— PeterNeumann !!!!\n",
                                        text + "\n— PeterNeumann x08go/==\n",
                                        "a\tb\n\n" + line,
                                        "a\r\n\n" + line,
                                        "\xFF\n\n" + line,
                                        text + "\n— Peter\xC2\xA0Neumann" + line.substr(16)};
  for (const std::string& note : bad)
    EXPECT_FALSE(parse_note(note).ok()) << quoted(note);
  std::string many = text + "\n";
  for (int i = 0; i < 100; ++i)
    many += line;
  EXPECT_TRUE(parse_note(many).ok());
  EXPECT_FALSE(parse_note(many + line).ok());
}

TEST(Note, EveryFlippedBitIsNoticed) {
  const std::string good = neumann_note();
  const auto key = vkey(kNeumannVkey);
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const auto note = parse_note(bad);
      if (!note.ok()) continue;
      EXPECT_NE(check_signature(note.value(), key), SignatureState::kGood) << i << " " << bit;
    }
  }
}

TEST(Note, UnknownSignaturesAreIgnoredKnownBadOnesNot) {
  std::string note = neumann_note();
  const auto key = vkey(kNeumannVkey);
  auto parsed = parse_note(note).take();
  parsed.signatures.push_back({"somebody", 7, std::string(64, 'x')});
  EXPECT_TRUE(verify_note(parsed, {key}).ok());
  parsed.signatures.push_back({key.name, key.id, std::string(64, 'x')});
  EXPECT_FALSE(verify_note(parsed, {key}).ok());
  EXPECT_EQ(check_signature(parsed, key), SignatureState::kBad);
}

TEST(Vkey, EveryManglingIsRefused) {
  const std::string good(kNeumannVkey);
  for (size_t i = 0; i <= good.size(); ++i) {
    for (const char c : {'x', '+', ' ', '\n', '='}) {
      std::string inserted = good;
      inserted.insert(inserted.begin() + static_cast<long>(i), c);
      EXPECT_FALSE(parse_vkey(inserted).ok()) << inserted;
      if (i == good.size() || good[i] == c) continue;
      std::string replaced = good;
      replaced[i] = c;
      EXPECT_FALSE(parse_vkey(replaced).ok()) << replaced;
    }
    if (i < good.size()) {
      EXPECT_FALSE(parse_vkey(good.substr(0, i)).ok());
    }
  }
}

TEST(Vkey, WrongKeyIdOfC2spIssue99IsNotTheKeys) {
  const std::string name =
      "sigsum.org/v1/tree/e796172b92befd62d9dc67e41c2f5bc9d3100a3023b20b1ca40288dd1c679e69";
  const std::string text = name + "\n10\nHA5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
  const auto key = vkey(name + "+809da1a3+AWbguFjkYqYJ5m/nE3DIFtiEb/ED1UmaIqf+w3/bxCSn");
  const std::string tail =
      "0n8F8olcerUF1FFdv235A/5as/coWrpLrtE7ovMeP5whgwouYExowG/lTznxu6OUGjjt5yJQ6bXtTcf718MqAQ=\n";
  const auto good = parse_note(text + "\n— " + name + " gJ2ho" + tail);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(check_signature(good.value(), key), SignatureState::kGood);
  const auto wrong = parse_note(text + "\n— " + name + " pOZUn" + tail);
  ASSERT_TRUE(wrong.ok());
  EXPECT_EQ(check_signature(wrong.value(), key), SignatureState::kMissing);
}

TEST(Note, LogAndWitnessOfKnownAnswerA) {
  const auto vectors = load_vectors("evidence.json");
  const auto log = vkey(vectors["log_vkey"].get<std::string>());
  const auto witness = vkey(vectors["witness_vkey"].get<std::string>());
  EXPECT_EQ(log.key, SigningKey::from_seed(seed_of(1)).value().public_key());
  EXPECT_EQ(witness.type, KeyType::kCosignature);
  const auto note = parse_note(vectors["kat_a"]["checkpoint"].get<std::string>()).take();
  EXPECT_EQ(verify_note(note, {log, witness}).value().size(), 2U);
  // A cosignature is not a signature: the same key under type 1 has another id and finds no line.
  const auto as_log = make_vkey(witness.name, witness.key);
  EXPECT_EQ(check_signature(note, as_log), SignatureState::kMissing);
  VerifierKey confused = witness;
  confused.type = KeyType::kEd25519;
  EXPECT_EQ(check_signature(note, confused), SignatureState::kBad);
}

TEST(NotesFile, CutsAndFindsTheBrokenEnd) {
  const std::string one = neumann_note();
  const std::string two = one + std::string(kEnochLine);
  const std::string file = one + two + one;
  const NotesFile whole = split_notes(file);
  ASSERT_EQ(whole.notes.size(), 3U);
  EXPECT_EQ(whole.notes[1].offset, one.size());
  EXPECT_EQ(whole.notes[1].bytes, two);
  EXPECT_TRUE(whole.rest.empty());
  for (size_t length = 0; length <= file.size(); ++length) {
    const NotesFile cut = split_notes(std::string_view(file).substr(0, length));
    size_t bytes = cut.rest.size();
    for (const auto& note : cut.notes) {
      bytes += note.bytes.size();
      EXPECT_TRUE(parse_note(note.bytes).ok());
    }
    EXPECT_EQ(bytes, length);
  }
}

TEST(Policy, RoundTripAndRefusals) {
  const auto vectors = load_vectors("evidence.json");
  const std::string log = "log " + vectors["log_vkey"].get<std::string>();
  const std::string witness = "witness w1 " + vectors["witness_vkey"].get<std::string>();
  const std::string text = "# whom we believe\n\n" + log + " https://log.test\n" + witness +
                           "\ngroup g any w1\nquorum g\n";
  const auto policy = parse_policy(text);
  ASSERT_TRUE(policy.ok()) << policy.error().what;
  EXPECT_EQ(parse_policy(format_policy(policy.value())).value(), policy.value());
  const auto key = SigningKey::from_seed(seed_of(7)).take();
  EXPECT_EQ(parse_policy(format_policy(broker_policy(key.public_key()))).value(),
            broker_policy(key.public_key()));
  const std::vector<std::string> bad = {
      "",
      "quorum none\n",
      log + "\n",
      log + "\nquorum none",
      log + "\nquorum x\n",
      log + "\nquorum none\nquorum none\n",
      log + "\n" + log + "\nquorum none\n",
      log + "\nwhat\nquorum none\n",
      log + "\r\nquorum none\n",
      log + "\ngroup g 2 w1\nquorum none\n",
      log + "\n" + witness + "\ngroup g 2 w1\nquorum g\n",
      log + "\n" + witness + "\ngroup g 01 w1\nquorum g\n",
      log + "\n" + witness + "\ngroup g any w1\ngroup h any w1\nquorum g\n",
      "log " + vectors["witness_vkey"].get<std::string>() + "\nquorum none\n"};
  for (const std::string& one : bad)
    EXPECT_FALSE(parse_policy(one).ok()) << one;
}

}  // namespace
}  // namespace carrel::evidence
