// Bodies: the same content and the same end in all pieces, never more than the bound; what is sent
// on in chunks of ours is the same content. Bytes before the body: framing, bound, pieces.

#include <algorithm>

#include "launcher/gateway/http/body.h"
#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway::http;
using State = BodyReader::State;

struct Outcome {
  State state = State::kMore;
  std::string content;
  size_t end = 0;
  std::string_view reason;
};

/// Gives ever more of the input: `more` says how much at once.
template <typename More>
Outcome read(BodyReader reader, std::string_view input, const More& more) {
  Outcome out;
  size_t have = more(0);
  while (reader.state() == State::kMore) {
    const auto step = reader.read(input.substr(out.end, have - out.end));
    MUST(step.taken <= have - out.end && step.content.size() <= step.taken);
    out.content += step.content;
    out.end += step.taken;
    if (step.taken > 0 || step.state != State::kMore) continue;
    if (have == input.size()) {
      reader.end();
      break;
    }
    have = more(have);
  }
  MUST(reader.content_bytes() == out.content.size());
  out.state = reader.state();
  if (out.state == State::kRefused) out.reason = reader.refusal().reason;
  return out;
}

void check_sent_on(const std::string& content) {
  std::string sent;
  if (!content.empty()) sent = chunk_start(content.size()) + content + std::string(kChunkEnd);
  sent += kLastChunk;
  const Outcome again = read(BodyReader({Framing::kChunked, 0}, content.size()), sent,
                             [&](size_t) { return sent.size(); });
  MUST(again.state == State::kDone && again.content == content && again.end == sent.size());
}

}  // namespace

FUZZ_TARGET(http_body) {
  const uint8_t kind = carrel::fuzz::take_byte(input);
  const uint8_t limit = carrel::fuzz::take_byte(input);
  const uint8_t seed = carrel::fuzz::take_byte(input);
  Body body{Framing::kChunked, 0};
  if (kind % 4 == 1) body = {Framing::kLength, kind};
  if (kind % 4 == 2) body = {Framing::kUntilClose, 0};
  const Outcome whole = read(BodyReader(body, limit), input, [&](size_t) { return input.size(); });
  uint32_t state = seed;
  const Outcome pieces = read(BodyReader(body, limit), input, [&](size_t have) {
    state = state * 1103515245U + 12345U;
    return std::min(input.size(), have + 1 + (state >> 16) % 5);
  });
  MUST(whole.content.size() <= limit);
  MUST(whole.state == pieces.state && whole.reason == pieces.reason);
  // Of a body that ends with its connection what fits has passed before it is too much.
  if (body.framing != Framing::kUntilClose || whole.state != State::kRefused)
    MUST(whole.content == pieces.content && whole.end == pieces.end);
  MUST(body.framing != Framing::kLength || whole.state != State::kDone ||
       whole.content.size() == body.length);
  if (whole.state == State::kDone) check_sent_on(whole.content);
}
