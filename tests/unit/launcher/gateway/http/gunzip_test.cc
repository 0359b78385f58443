#include "launcher/gateway/http/gunzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

/// One gzip member (window bits 15 + 16), or another format that zlib writes.
std::string packed(std::string text, int window = 31) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(text.data());
  stream.avail_in = static_cast<unsigned>(text.size());
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string noise(size_t size) {
  std::mt19937 random(7);  // NOLINT: a fixed seed makes failures repeatable
  std::string out(size, '\0');
  for (char& c : out)
    c = static_cast<char>(random());
  return out;
}

TEST(Gunzip, GivesWhatWasPacked) {
  for (const size_t size :
       {size_t{1}, size_t{1000}, size_t{16384}, size_t{16385}, size_t{100000}}) {
    const std::string text = noise(size);
    const auto out = gunzip(packed(text), size);
    ASSERT_EQ(outcome(out), "ok") << size;
    EXPECT_EQ(std::get<std::string>(out), text);
  }
  EXPECT_EQ(std::get<std::string>(gunzip(packed(""), 0)), "");
}

TEST(Gunzip, IsBounded) {
  EXPECT_EQ(outcome(gunzip(packed(noise(1001)), 1000)), "413 body-too-large");
  const std::string bomb = packed(std::string(10 << 20, 'a'));
  EXPECT_LT(bomb.size() * kMaxGzipRatio, size_t{10} << 20);
  EXPECT_EQ(outcome(gunzip(bomb, size_t{1} << 30)), "413 body-too-large");
}

TEST(Gunzip, IsOneWholeMember) {
  const std::string good = packed(noise(500));
  for (size_t size = 0; size < good.size(); size += 7)
    EXPECT_EQ(outcome(gunzip(good.substr(0, size), 1000)), "403 gzip") << size;
  EXPECT_EQ(outcome(gunzip(good + "x", 1000)), "403 gzip");
  EXPECT_EQ(outcome(gunzip(good + good, 2000)), "403 gzip");
  EXPECT_EQ(outcome(gunzip(packed(noise(500), 15), 1000)), "403 gzip");
  std::string broken = good;
  broken[broken.size() - 6] = static_cast<char>(broken[broken.size() - 6] ^ 1);
  EXPECT_EQ(outcome(gunzip(broken, 1000)), "403 gzip");
  EXPECT_EQ(outcome(gunzip("command=ls-refs", 1000)), "403 gzip");
}

}  // namespace
}  // namespace carrel::gateway::http
