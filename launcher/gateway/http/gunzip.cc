#include "launcher/gateway/http/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace carrel::gateway::http {
namespace {

constexpr int kGzipOnly = 15 + 16;  // inflateInit2: a window of 32 KiB, gzip and not zlib
constexpr size_t kMaxInput = size_t{64} << 20;

/// Inflates piece by piece, so that a bomb is seen before it is there.
std::variant<Refusal, std::string> inflate_all(z_stream& stream, size_t bound) {
  std::string out;
  std::array<unsigned char, size_t{16} * 1024> piece{};
  while (true) {
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END)
      return Refusal{403, "gzip", "the body is no whole gzip member"};
    const size_t made = piece.size() - stream.avail_out;
    if (made > bound - out.size())
      return Refusal{413, "body-too-large", "the body is too large when it is unpacked"};
    out.append(piece.begin(), piece.begin() + made);
    if (result == Z_STREAM_END) break;
  }
  if (stream.avail_in > 0) return Refusal{403, "gzip", "the body goes on behind its gzip member"};
  return out;
}

}  // namespace

std::variant<Refusal, std::string> gunzip(std::string_view bytes, size_t limit) {
  if (bytes.size() > kMaxInput)
    return Refusal{413, "body-too-large", "the body is too large to be unpacked"};
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK)
    return Refusal{403, "gzip", "the body cannot be unpacked"};
  std::string input(bytes);  // zlib's pointer is not to const
  stream.next_in = reinterpret_cast<unsigned char*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  auto out = inflate_all(stream, std::min(limit, bytes.size() * kMaxGzipRatio));
  inflateEnd(&stream);
  return out;
}

}  // namespace carrel::gateway::http
