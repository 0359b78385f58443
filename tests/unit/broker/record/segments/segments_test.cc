#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "broker/record/evidence/merkle.h"
#include "broker/record/segments/block.h"
#include "broker/record/segments/segment.h"
#include "broker/record/segments/store.h"
#include "profiles/base/text.h"
#include "tests/support/folder.h"
#include "tests/unit/broker/record/sample_events.h"

namespace carrel::segments {
namespace {

using events::sample_events;

constexpr char kSession[] = "01k0000000000000000000000s";

Entropy counting_entropy() {
  return [next = uint8_t{0}](std::span<uint8_t> out) mutable {
    for (uint8_t& byte : out)
      byte = next++;
  };
}

struct Written {
  std::vector<std::string> blocks;
  std::vector<evidence::Digest> hashes;
};

/// Blocks of `per_block` events each.
Written write_blocks(const std::vector<events::Event>& events, size_t per_block) {
  Written out;
  BlockWriter writer(counting_entropy());
  for (size_t i = 0; i < events.size(); ++i) {
    out.hashes.push_back(writer.add(events[i]).take());
    if ((i + 1) % per_block != 0 && i + 1 != events.size()) continue;
    for (std::string& block : writer.take().take())
      out.blocks.push_back(std::move(block));
  }
  return out;
}

TEST(Block, EventsAndLeafHashesComeBack) {
  const auto wanted = sample_events(600);
  for (const size_t per_block : {1U, 7U, 255U, 256U, 600U}) {
    const Written written = write_blocks(wanted, per_block);
    BlockDecoder decoder(Hashing::kLeaves);
    size_t seen = 0;
    for (const std::string& block : written.blocks) {
      ASSERT_EQ(decoder.open(block).value(), block.size());
      RecordView record;
      while (decoder.next(&record).value()) {
        EXPECT_EQ(record.leaf_hash, written.hashes[seen]) << seen;
        EXPECT_EQ(to_event(record).value(), wanted[seen]);
        ++seen;
      }
    }
    EXPECT_EQ(seen, wanted.size());
  }
}

TEST(Block, ALeafIsHashedAsTheFormatSays) {
  // One event by hand: the writer and the decoder could share a mistake.
  const auto event = sample_events(2)[1];
  BlockWriter writer(counting_entropy(), 1);
  const auto hash = writer.add(event).take();
  evidence::Sha256 sha;
  evidence::Digest root;
  for (uint8_t i = 0; i < root.size(); ++i)
    root[i] = i;
  const std::string payload = events::encode_payload(event);
  const auto salt = evidence::derive_salt(sha, root, 1);
  const std::string committed = "\x02" + std::string(evidence::as_view(salt)) + payload;
  std::string leaf = "CRL1" + from_hex(
                                  "0202"
                                  "0002"
                                  "0000000000000001")
                                  .value();
  const auto put64 = [&](uint64_t value) {
    for (int i = 7; i >= 0; --i)
      leaf += static_cast<char>(value >> (8 * i));
  };
  put64(event.mono_ns);
  put64(event.real_ns);
  leaf += from_hex("00000001").value();
  leaf += std::string(3, '\0') + static_cast<char>(payload.size());
  leaf += std::string(evidence::as_view(sha.of("default:network"))).substr(0, 16);
  leaf += evidence::as_view(sha.of(committed));
  ASSERT_EQ(leaf.size(), 88U);
  EXPECT_EQ(hash, sha.of(std::string(1, '\0') + leaf));
}

TEST(Block, ClocksMayStepBackAndWrap) {
  auto wanted = sample_events(4);
  wanted[1].mono_ns = 0;
  wanted[2].real_ns = UINT64_MAX;
  wanted[3].mono_ns = UINT64_MAX;
  wanted[3].real_ns = 0;
  BlockWriter writer(counting_entropy());
  for (const auto& event : wanted)
    ASSERT_TRUE(writer.add(event).ok());
  const auto blocks = writer.take().take();
  BlockDecoder decoder(Hashing::kNone);
  ASSERT_TRUE(decoder.open(blocks.at(0)).ok());
  RecordView record;
  for (const auto& event : wanted) {
    ASSERT_TRUE(decoder.next(&record).value());
    EXPECT_EQ(to_event(record).value(), event);
  }
}

TEST(BlockWriter, SplitsWhatExceedsABlock) {
  BlockWriter writer(counting_entropy());
  std::mt19937 random(1);  // NOLINT: fixed seed
  std::string noise(700000, '\0');
  for (char& c : noise)
    c = static_cast<char>(random());
  for (uint64_t seq = 0; seq < 5; ++seq) {
    events::Event event;
    event.seq = seq;
    event.data = events::TerminalOutput{"stdout", noise};
    ASSERT_TRUE(writer.add(event).ok());
  }
  EXPECT_EQ(writer.pending_events(), 5U);
  const auto blocks = writer.take().take();
  EXPECT_EQ(blocks.size(), 5U);
  EXPECT_EQ(writer.pending_events(), 0U);
  BlockDecoder decoder(Hashing::kNone);
  for (const auto& block : blocks)
    EXPECT_TRUE(decoder.open(block).ok());
}

TEST(BlockWriter, RefusesAndStaysUsable) {
  BlockWriter writer(counting_entropy());
  events::Event event;
  event.seq = 1;
  event.data = events::FileEnter{"/"};
  EXPECT_FALSE(writer.add(event).ok());  // out of sequence
  event.seq = 0;
  event.data = events::TerminalOutput{"pty", std::string(events::kMaxPayload, 'x')};
  EXPECT_FALSE(writer.add(event).ok());
  event.data = events::Credential{"stolen", "", "", "", 0};
  EXPECT_FALSE(writer.add(event).ok());
  EXPECT_TRUE(writer.take().value().empty());
  event.data = events::TerminalOutput{"pty", std::string(events::kMaxPayload - 64, 'x')};
  EXPECT_TRUE(writer.add(event).ok());
  EXPECT_EQ(writer.take().value().size(), 1U);
}

TEST(BlockDecoder, SaltRootMayNotChangeWithinItsGroup) {
  const auto wanted = sample_events(2);
  BlockWriter one(counting_entropy());
  ASSERT_TRUE(one.add(wanted[0]).ok());
  const std::string first = one.take().value().at(0);
  BlockWriter other([](std::span<uint8_t> out) { std::fill(out.begin(), out.end(), 9); }, 1);
  ASSERT_TRUE(other.add(wanted[1]).ok());
  const std::string second = other.take().value().at(0);
  BlockDecoder decoder(Hashing::kLeaves);
  RecordView record;
  ASSERT_TRUE(decoder.open(first).ok());
  ASSERT_TRUE(decoder.next(&record).ok());
  EXPECT_FALSE(decoder.open(second).ok());
}

TEST(BlockDecoder, MutationsNeverCrash) {
  const Written written = write_blocks(sample_events(40), 40);
  const std::string& good = written.blocks.at(0);
  std::mt19937 random(20261124);  // NOLINT: fixed seed
  BlockDecoder decoder(Hashing::kLeaves);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = good;
    const size_t at = random() % bad.size();
    bad[at] = static_cast<char>(random());
    if (random() % 4 == 0) bad.resize(random() % bad.size());
    if (!decoder.open(bad).ok()) continue;
    RecordView record;
    for (int i = 0; i < 70000; ++i) {
      const auto more = decoder.next(&record);
      if (!more.ok() || !more.value()) break;
      (void)to_event(record).ok();
    }
  }
}

/// Writes a record of three segments; the last one stays without trailer unless `finish`.
std::vector<std::string> write_segments(const Written& written, bool finish) {
  SegmentWriter writer(kSession);
  std::vector<std::string> files;
  const size_t third = written.blocks.size() / 3;
  for (size_t i = 0; i < written.blocks.size(); ++i) {
    if (i % third == 0 && files.size() < 3) {
      if (writer.open()) files.back() += writer.finish();
      files.push_back(writer.begin());
    }
    files.back() += writer.append(written.blocks[i]).value();
  }
  if (finish) files.back() += writer.finish();
  return files;
}

TEST(Segment, WriterChainsAndReaderFollows) {
  const Written written = write_blocks(sample_events(90), 10);
  const auto files = write_segments(written, true);
  ASSERT_EQ(files.size(), 3U);
  evidence::Sha256 sha;
  evidence::Digest prev{};
  size_t blocks = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    SegmentReader reader = SegmentReader::open(files[i]).take();
    EXPECT_EQ(reader.header().index, i + 1);
    EXPECT_EQ(reader.header().session, kSession);
    EXPECT_EQ(reader.header().prev, prev);
    EXPECT_EQ(reader.header().first_seq, blocks * 10);
    while (const auto block = reader.next_block().value())
      EXPECT_EQ(*block, written.blocks[blocks++]);
    EXPECT_EQ(reader.ending(), Ending::kTrailer);
    EXPECT_TRUE(trailer_matches(sha, files[i]));
    prev = reader.trailer_digest();
  }
  EXPECT_EQ(blocks, written.blocks.size());
}

TEST(Segment, WriterRefusesWhatDoesNotContinue) {
  const Written written = write_blocks(sample_events(20), 10);
  SegmentWriter writer(kSession);
  writer.begin();
  EXPECT_FALSE(writer.append(written.blocks[1]).ok());
  EXPECT_FALSE(writer.append(written.blocks[0] + written.blocks[1]).ok());
  EXPECT_FALSE(writer.append(written.blocks[0].substr(1)).ok());
  EXPECT_TRUE(writer.append(written.blocks[0]).ok());
  EXPECT_FALSE(writer.append(written.blocks[0]).ok());
  EXPECT_TRUE(writer.append(written.blocks[1]).ok());
  EXPECT_EQ(writer.next_seq(), 20U);
}

TEST(Segment, EveryCutIsAnEndingNotAnError) {
  const std::string file = write_segments(write_blocks(sample_events(9), 1), true)[0];
  for (size_t length = 0; length < file.size(); ++length) {
    auto reader = SegmentReader::open(std::string_view(file).substr(0, length));
    ASSERT_TRUE(reader.ok()) << length;
    SegmentReader cut = reader.take();
    while (true) {
      const auto block = cut.next_block();
      ASSERT_TRUE(block.ok()) << length;
      if (!block.value()) break;
    }
    EXPECT_NE(cut.ending(), Ending::kTrailer);
  }
  SegmentReader longer = SegmentReader::open(file + "x").take();
  bool failed = false;
  while (!failed) {
    const auto block = longer.next_block();
    failed = !block.ok();
    ASSERT_TRUE(failed || block.value());
  }
}

class RecordReaderTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  RecordReader reader() {
    const UniqueFd fd(open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
    return RecordReader::open(fd.get()).take();
  }
  support::Folder folder_;
};

TEST_F(RecordReaderTest, WalksAllEventsAndFromTheMiddle) {
  const auto wanted = sample_events(90);
  const auto files = write_segments(write_blocks(wanted, 10), true);
  for (size_t i = 0; i < files.size(); ++i)
    put(segment_name(static_cast<uint32_t>(i + 1)), files[i]);
  for (const uint64_t first : {0U, 5U, 30U, 44U, 89U, 90U}) {
    uint64_t expected = first;
    const auto summary = reader().for_each(
        [&](const events::Event& event) {
          EXPECT_EQ(event, wanted[expected++]);
          return true;
        },
        first);
    ASSERT_TRUE(summary.ok()) << summary.error().what;
    EXPECT_EQ(expected, std::max<uint64_t>(first, 90));
    EXPECT_EQ(summary.value().events, 90U);
    EXPECT_FALSE(summary.value().unfinished);
  }
}

TEST_F(RecordReaderTest, ToleratesAnUnfinishedLastSegmentOnly) {
  const auto files = write_segments(write_blocks(sample_events(90), 10), false);
  put("000001.seg", files[0]);
  put("000002.seg", files[1]);
  put("000003.seg", files[2].substr(0, files[2].size() - 3));
  size_t seen = 0;
  const auto count = [&](const events::Event&) { return ++seen != 0; };
  const auto summary = reader().for_each(count);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(seen, 80U);
  EXPECT_TRUE(summary.value().unfinished);
  EXPECT_NE(summary.value().note.find("000003.seg breaks off"), std::string::npos);
  put("000002.seg", files[1].substr(0, files[1].size() - 48));
  EXPECT_FALSE(reader().for_each(count).ok());
  std::filesystem::remove(folder_ / "000002.seg");
  EXPECT_FALSE(reader().for_each(count).ok());
}

TEST_F(RecordReaderTest, FollowsNoLinksAndNamesStrangers) {
  put("secret", "x");
  std::filesystem::create_symlink(folder_ / "secret", folder_ / "seals.notes");
  std::filesystem::create_directory(folder_ / "blobs");
  put("blobs/abc", "x");
  put("blobs/" + std::string(64, 'a'), "y");
  const RecordReader opened = reader();
  EXPECT_EQ(opened.files().unknown, (std::vector<std::string>{"blobs/abc", "secret"}));
  EXPECT_FALSE(opened.seals().ok());
  EXPECT_EQ(opened.read_blob(std::string(64, 'a')).value(), "y");
  EXPECT_FALSE(opened.read_blob("../secret").ok());
  EXPECT_FALSE(opened.read("blobs/../secret", 100).ok());
  EXPECT_FALSE(opened.read("secret", 0).ok());
  EXPECT_EQ(opened.hash("secret", 10).value(), evidence::sha256("x"));
}

}  // namespace
}  // namespace carrel::segments
