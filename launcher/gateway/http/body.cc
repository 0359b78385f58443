#include "launcher/gateway/http/body.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "launcher/gateway/http/text.h"

namespace carrel::gateway::http {
namespace {

constexpr size_t kMaxSizeDigits = 15;  // below 2^60: no sum of two overflows

}  // namespace

BodyReader::BodyReader(const Body& body, uint64_t limit)
    : framing_(body.framing), limit_(limit), left_(body.length) {
  if (framing_ == Framing::kChunked) {
    part_ = Part::kSize;
  } else if (framing_ == Framing::kNone || (framing_ == Framing::kLength && left_ == 0)) {
    state_ = State::kDone;
  } else if (framing_ == Framing::kLength && left_ > limit_) {
    fail(too_large());
  }
}

Refusal BodyReader::too_large() const {
  return {413, "body-too-large", "the body has more than " + std::to_string(limit_) + " bytes"};
}

bool BodyReader::fail(Refusal refusal) {
  state_ = State::kRefused;
  refusal_ = std::move(refusal);
  return false;
}

BodyReader::Step BodyReader::refuse(Refusal refusal) {
  fail(std::move(refusal));
  return {state_, 0, {}};
}

BodyReader::Step BodyReader::read(std::string_view bytes) {
  if (state_ != State::kMore || bytes.empty()) return {state_, 0, {}};
  return part_ == Part::kContent ? content(bytes) : framing(bytes);
}

BodyReader::Step BodyReader::content(std::string_view bytes) {
  if (framing_ == Framing::kUntilClose) {
    if (bytes.size() > limit_ - content_bytes_) return refuse(too_large());
    content_bytes_ += bytes.size();
    return {state_, bytes.size(), bytes};
  }
  const size_t take = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
  left_ -= take;
  content_bytes_ += take;
  if (left_ == 0) {
    if (framing_ == Framing::kLength) state_ = State::kDone;
    if (framing_ == Framing::kChunked) part_ = Part::kDataCr;
  }
  return {state_, take, bytes.substr(0, take)};
}

BodyReader::Step BodyReader::framing(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::kMore && part_ != Part::kContent) {
    if (!frame_byte(bytes[taken])) return {state_, taken, {}};
    ++taken;
  }
  return {state_, taken, {}};
}

bool BodyReader::frame_byte(char c) {
  const Refusal bad{400, "chunk", "the body is not in well-formed chunks"};
  switch (part_) {
    case Part::kSize:
      return size_byte(c);
    case Part::kExtension:
      return extension_byte(c);
    case Part::kSizeLf:
      return c == '\n' ? begin_chunk() : fail(bad);
    case Part::kDataCr:
      part_ = Part::kDataLf;
      return c == '\r' || fail(bad);
    case Part::kDataLf:
      part_ = Part::kSize;
      digits_ = 0;
      return c == '\n' || fail(bad);
    case Part::kTrailer:
    case Part::kTrailerLf:
      return trailer_byte(c);
    case Part::kContent:
      break;
  }
  return fail(bad);
}

bool BodyReader::size_byte(char c) {
  if (const auto digit = hex_value(c)) {
    if (digits_ == 0) left_ = 0;
    if (++digits_ > kMaxSizeDigits) return fail({400, "chunk", "a chunk's size is too long"});
    left_ = left_ * 16 + static_cast<uint64_t>(*digit);
    return true;
  }
  if (digits_ == 0 || (c != '\r' && c != ';'))
    return fail({400, "chunk", "a chunk's size is no hexadecimal number"});
  extension_ = 0;
  part_ = c == '\r' ? Part::kSizeLf : Part::kExtension;
  return true;
}

bool BodyReader::extension_byte(char c) {
  if (c == '\r') {
    part_ = Part::kSizeLf;
    return true;
  }
  if (!is_visible(c) && c != ' ' && c != '\t')
    return fail({400, "chunk-extension", "a chunk's extension has a control byte"});
  ++extension_;
  ++extensions_;
  if (extension_ <= kMaxChunkExtension && extensions_ <= kMaxChunkExtensions) return true;
  return fail({400, "chunk-extension", "a chunk's extension is too long"});
}

bool BodyReader::begin_chunk() {
  if (left_ == 0) {
    part_ = Part::kTrailer;
    line_is_empty_ = true;
    return true;
  }
  if (left_ > limit_ - content_bytes_) return fail(too_large());
  part_ = Part::kContent;
  return true;
}

bool BodyReader::trailer_byte(char c) {
  if (++trailers_ > kMaxTrailers + 2)
    return fail({400, "trailer", "the fields behind the body are too long"});
  if (part_ == Part::kTrailerLf) {
    if (c != '\n') return fail({400, "trailer", "a line behind the body has a bare CR"});
    if (line_is_empty_) state_ = State::kDone;
    line_is_empty_ = true;
    part_ = Part::kTrailer;
    return true;
  }
  if (c == '\r') {
    part_ = Part::kTrailerLf;
    return true;
  }
  const auto byte = static_cast<unsigned char>(c);
  if ((byte < 0x20 && c != '\t') || byte == 0x7f)
    return fail({400, "trailer", "a line behind the body has a control byte"});
  line_is_empty_ = false;
  return true;
}

BodyReader::State BodyReader::end() {
  if (state_ != State::kMore) return state_;
  if (framing_ == Framing::kUntilClose) {
    state_ = State::kDone;
  } else {
    fail({400, "cut-short", "the connection closed before the body's end"});
  }
  return state_;
}

std::string chunk_start(size_t size) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  return std::string(digits.data(), end) + "\r\n";
}

}  // namespace carrel::gateway::http
