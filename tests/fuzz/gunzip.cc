// Compressed bodies: bounded, whole, and what zlib makes of them. The first byte bounds them.

#include "launcher/gateway/http/gunzip.h"

#include <zlib.h>

#include "tests/fuzz/target.h"

namespace {

/// The same text compressed by zlib.
std::string packed(const std::string& text) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  MUST(deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  MUST(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

FUZZ_TARGET(gunzip) {
  using namespace carrel::gateway::http;
  const size_t limit = size_t{carrel::fuzz::take_byte(input)} * 64;
  const auto read = gunzip(input, limit);
  if (const auto* text = std::get_if<std::string>(&read)) {
    MUST(text->size() <= limit && text->size() <= kMaxGzipRatio * input.size());
    MUST(std::holds_alternative<Refusal>(gunzip(std::string(input) + "x", limit)));
    MUST(std::holds_alternative<Refusal>(gunzip(input.substr(0, input.size() - 1), limit)));
  }
  const std::string plain(input);
  const auto again = gunzip(packed(plain), plain.size());
  if (const auto* text = std::get_if<std::string>(&again))
    MUST(*text == plain);
  else
    MUST(plain.size() > kMaxGzipRatio * packed(plain).size());
}
