#include "launcher/gateway/http/body.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace carrel::gateway::http {
namespace {

using State = BodyReader::State;

struct Outcome {
  std::string content;
  std::string rest;
  std::string end;  // "more", "done", or status and reason
  bool operator==(const Outcome&) const = default;
};

std::string word(const BodyReader& reader) {
  if (reader.state() == State::kMore) return "more";
  if (reader.state() == State::kDone) return "done";
  EXPECT_FALSE(reader.refusal().why.empty());
  return std::to_string(reader.refusal().status) + " " + std::string(reader.refusal().reason);
}

/// As a relay drives it, `piece` bytes at a time.
Outcome read_all(BodyReader& reader, std::string_view bytes, size_t piece) {
  Outcome out;
  std::string buffer;
  while (true) {
    const auto step = reader.read(buffer);
    out.content += step.content;
    buffer.erase(0, step.taken);
    if (step.state != State::kMore) break;
    if (step.taken > 0) continue;
    if (bytes.empty()) break;
    buffer += bytes.substr(0, piece);
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  out.rest = buffer + std::string(bytes);
  out.end = word(reader);
  EXPECT_EQ(reader.content_bytes(), out.content.size());
  return out;
}

/// The same whatever the pieces.
Outcome of(const Body& body, uint64_t limit, std::string_view bytes) {
  BodyReader whole(body, limit);
  const Outcome out = read_all(whole, bytes, bytes.size() + 1);
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}}) {
    BodyReader reader(body, limit);
    Outcome other = read_all(reader, bytes, piece);
    if (out.end == "done" || out.end == "more") {
      EXPECT_EQ(other, out) << piece;
    }
    EXPECT_EQ(other.end, out.end) << piece;
  }
  return out;
}

constexpr Body kChunked{Framing::kChunked, 0};

std::string chunked(std::string_view bytes, uint64_t limit = 100) {
  const Outcome out = of(kChunked, limit, bytes);
  return out.content + "|" + out.rest + "|" + out.end;
}

TEST(BodyReader, OfALengthTakesThatManyBytes) {
  EXPECT_EQ(of({Framing::kLength, 5}, 5, "helloGET /"), (Outcome{"hello", "GET /", "done"}));
  EXPECT_EQ(of({Framing::kLength, 5}, 5, "hel"), (Outcome{"hel", "", "more"}));
  EXPECT_EQ(of({Framing::kLength, 0}, 0, "GET"), (Outcome{"", "GET", "done"}));
  EXPECT_EQ(of({Framing::kNone, 0}, 0, "GET"), (Outcome{"", "GET", "done"}));
}

TEST(BodyReader, RefusesALengthAboveTheLimitBeforeAnyByte) {
  EXPECT_EQ(of({Framing::kLength, 6}, 5, "hello!"), (Outcome{"", "hello!", "413 body-too-large"}));
}

TEST(BodyReader, OfChunksGivesTheirContent) {
  EXPECT_EQ(chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET"), "hello!|GET|done");
  EXPECT_EQ(chunked("0\r\n\r\n"), "||done");
  EXPECT_EQ(chunked("00000000000000a\r\n0123456789\r\n0\r\n\r\n"), "0123456789||done");
  EXPECT_EQ(chunked("A\r\n0123456789\r\n"), "0123456789||more");
}

TEST(BodyReader, ExtensionsAndTrailersAreLeftOut) {
  EXPECT_EQ(chunked("1;a=b;c=\"d\"\r\nx\r\n0;e\r\nX-Sum: 1\r\nY: 2\r\n\r\nGET"), "x|GET|done");
  EXPECT_EQ(chunked("1;" + std::string(256, 'a') + "\r\nx\r\n0\r\n\r\n"), "x||done");
  EXPECT_TRUE(chunked("1;" + std::string(257, 'a') + "\r\nx\r\n").ends_with("400 chunk-extension"));
  EXPECT_TRUE(chunked("1;a\nx\r\n0\r\n\r\n").ends_with("400 chunk-extension"));
  EXPECT_TRUE(chunked("0\r\nX: \x01\r\n\r\n").ends_with("400 trailer"));
  EXPECT_TRUE(chunked("0\r\nX: 1\n\r\n").ends_with("400 trailer"));
  EXPECT_TRUE(chunked("0\r\nX: 1\rY").ends_with("400 trailer"));
  EXPECT_TRUE(chunked("0\r\n" + std::string(kMaxTrailers + 3, 'a')).ends_with("400 trailer"));
}

TEST(BodyReader, ManySmallExtensionsAreBoundedTogether) {
  std::string bytes;
  for (size_t i = 0; i <= kMaxChunkExtensions / 200; ++i)
    bytes += "1;" + std::string(200, 'a') + "\r\nx\r\n";
  EXPECT_TRUE(chunked(bytes, 1000).ends_with("400 chunk-extension"));
}

TEST(BodyReader, MalformedChunksAreRefused) {
  for (const char* bytes :
       {"\r\n", "x\r\n", "-1\r\n", "+1\r\nx", "0x1\r\nx", " 1\r\nx", "1 \r\nx", "1\nx\r\n", "1\rx",
        "1\r\nxy\r\n", "1\r\nx\n0\r\n", "1\r\nx\rz", "0000000000000001\r\nx", "1,1\r\nx",
        "ffffffffffffffff\r\n", "1\r\nx0\r\n\r\n"}) {
    const std::string got = chunked(bytes);
    EXPECT_TRUE(got.ends_with("|400 chunk")) << bytes << " " << got;
  }
}

TEST(BodyReader, ChunksAreRefusedBeforeTheyGoBeyondTheLimit) {
  EXPECT_EQ(chunked("5\r\nhello\r\n0\r\n\r\n", 5), "hello||done");
  EXPECT_EQ(chunked("3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n", 5).substr(0, 4), "hel|");
  EXPECT_TRUE(chunked("3\r\nhel\r\n3\r\nlo!\r\n", 5).ends_with("413 body-too-large"));
  EXPECT_TRUE(chunked("1\r\n", 0).ends_with("413 body-too-large"));
  EXPECT_TRUE(chunked("fffffffffffffff\r\n").ends_with("413 body-too-large"));
}

TEST(BodyReader, UntilCloseEndsWhenTheSenderDoes) {
  BodyReader reader({Framing::kUntilClose, 0}, 5);
  EXPECT_EQ(read_all(reader, "hello", 2), (Outcome{"hello", "", "more"}));
  EXPECT_EQ(reader.end(), State::kDone);
  EXPECT_EQ(of({Framing::kUntilClose, 0}, 5, "hello!").end, "413 body-too-large");
}

TEST(BodyReader, ABodyThatIsCutShortIsNotDone) {
  for (const Body& body : {Body{Framing::kLength, 5}, kChunked}) {
    BodyReader reader(body, 10);
    reader.read("4");
    EXPECT_EQ(reader.end(), State::kRefused);
    EXPECT_EQ(word(reader), "400 cut-short");
    EXPECT_EQ(reader.read("4").taken, 0U);
  }
  BodyReader done({Framing::kLength, 1}, 1);
  done.read("x");
  EXPECT_EQ(done.end(), State::kDone);
}

TEST(Chunks, AreWrittenAsTheyAreRead) {
  const std::string text(300, 'z');
  const std::string bytes =
      chunk_start(text.size()) + text + std::string(kChunkEnd) + std::string(kLastChunk);
  EXPECT_TRUE(bytes.starts_with("12c\r\n"));
  EXPECT_EQ(of(kChunked, 300, bytes), (Outcome{text, "", "done"}));
}

}  // namespace
}  // namespace carrel::gateway::http
