#pragma once
// The body of one message, piece by piece (RFC 9112 6, 7): what is content, what is framing, where
// it ends, and never more content than a bound. Nothing is copied: the caller keeps the bytes.
// Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/gateway/http/head.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxChunkExtension = 256;                 // of one chunk
inline constexpr size_t kMaxChunkExtensions = size_t{16} * 1024;  // of a body
inline constexpr size_t kMaxTrailers = size_t{8} * 1024;

/// Usage: read() the front of the buffer, send `content` on, forget `taken` bytes, and again until
/// kDone, or until nothing is taken and more bytes are needed.
class BodyReader {
 public:
  enum class State { kMore, kDone, kRefused };

  struct Step {
    State state = State::kMore;
    size_t taken = 0;          // of the bytes that were given, from their front
    std::string_view content;  // lies in them
  };

  /// At most `limit` bytes of content come out. A body or chunk that announces more is refused
  /// before any byte of it, with status 413: what is cut must not be taken for whole.
  BodyReader(const Body& body, uint64_t limit);

  /// One run of content, or of framing, at a time. Trailers and chunk extensions are checked,
  /// counted and left out. Refused: 413 "body-too-large"; 400 "chunk", "chunk-extension",
  /// "trailer" for chunks that RFC 9112 7.1 does not have, bare CR or LF among them.
  Step read(std::string_view bytes);

  /// The sender closed. Only kUntilClose is done then; a body that is cut short is refused.
  State end();

  [[nodiscard]] State state() const { return state_; }
  /// Why, after kRefused. Status 400 or 413: of a host's answer the caller says 502.
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  /// Bytes of content so far.
  [[nodiscard]] uint64_t content_bytes() const { return content_bytes_; }

 private:
  enum class Part { kContent, kSize, kExtension, kSizeLf, kDataCr, kDataLf, kTrailer, kTrailerLf };

  Step refuse(Refusal refusal);
  Step content(std::string_view bytes);
  Step framing(std::string_view bytes);
  bool frame_byte(char c);
  bool size_byte(char c);
  bool extension_byte(char c);
  bool trailer_byte(char c);
  bool begin_chunk();
  bool fail(Refusal refusal);
  [[nodiscard]] Refusal too_large() const;

  Framing framing_;
  uint64_t limit_;
  uint64_t left_ = 0;  // of the chunk or the length
  uint64_t content_bytes_ = 0;
  Part part_ = Part::kContent;
  State state_ = State::kMore;
  size_t digits_ = 0;
  size_t extension_ = 0;
  size_t extensions_ = 0;
  size_t trailers_ = 0;
  bool line_is_empty_ = true;
  Refusal refusal_;
};

/// A chunk for sending is chunk_start(n), n bytes (n > 0), kChunkEnd; the body ends with
/// kLastChunk.
std::string chunk_start(size_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace carrel::gateway::http
