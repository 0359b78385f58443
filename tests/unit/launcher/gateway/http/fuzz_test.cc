// Heads, targets and bodies of random change: what is taken has one meaning, and is taken again in
// the form in which it is written.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "launcher/gateway/http/body.h"
#include "launcher/gateway/http/policy.h"
#include "launcher/gateway/http/write.h"
#include "profiles/decide/pattern.h"
#include "tests/unit/launcher/gateway/http/sample.h"

namespace carrel::gateway::http {
namespace {

using Random = std::mt19937;

constexpr uint32_t kSeed = 20261126;  // a fixed seed makes failures repeatable

/// Bytes that mean something in a message, and now and then any other.
char some_byte(Random& random) {
  constexpr std::string_view kTelling = "\r\n\t :;,/.%?#@*\\\"+-015aAfFzZ\x7f\xff";
  if (random() % 4 == 0) return static_cast<char>(random());
  return kTelling[random() % kTelling.size()];
}

void change(std::string& bytes, Random& random) {
  for (auto count = random() % 5; count > 0 && !bytes.empty(); --count) {
    const size_t at = random() % bytes.size();
    switch (random() % 3) {
      case 0:
        bytes[at] = some_byte(random);
        break;
      case 1:
        bytes.insert(at, 1, some_byte(random));
        break;
      default:
        bytes.erase(at, 1 + random() % 3);
    }
  }
}

const std::string kRequest =
    "POST /a/b/../c%7e?x=%2f HTTP/1.1\r\nHost: git.example.org\r\nContent-Length: 5\r\n"
    "Accept: a/b\r\nX-One: two\r\n\r\n";

/// The same message as the gateway would write it, read by the same reader.
void expect_same_again(const RequestHead& head, const Target& target) {
  const auto filtered = filter_request(head, {});
  const Secret bytes = write_request_head({.method = head.method,
                                           .target = target,
                                           .origin = kOrigin,
                                           .headers = filtered.headers,
                                           .body = head.body});
  const auto read = read_request_head(bytes.expose());
  ASSERT_EQ(outcome(read), "ok") << bytes.expose();
  const auto& again = std::get<RequestHead>(read);
  ASSERT_EQ(again.method, head.method);
  ASSERT_EQ(again.size, bytes.expose().size());
  if (head.body.framing != Framing::kNone) {
    ASSERT_EQ(again.body, head.body);
  }
  ASSERT_EQ(std::get<Target>(read_target(again, kOrigin)), target) << bytes.expose();
  ASSERT_EQ(filter_request(again, {}).headers, filtered.headers);
}

void expect_canonical(const Target& target) {
  ASSERT_TRUE(target.path.starts_with('/'));
  ASSERT_EQ(target.path.find("//"), std::string::npos) << target.path;
  ASSERT_EQ((target.path + "/").find("/../"), std::string::npos) << target.path;
  ASSERT_EQ((target.path + "/").find("/./"), std::string::npos) << target.path;
  ASSERT_EQ(target.path.find_first_of(";\\#? "), std::string::npos) << target.path;
  ASSERT_TRUE(decide::matches_path("/**", target.path));
  ASSERT_TRUE(decide::matches_path(target.path, target.path)) << target.path;
}

TEST(HttpFuzz, RequestsAreTakenAsWhatIsWritten) {
  Random random(kSeed);  // NOLINT
  int taken = 0;
  int targets = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string bytes = kRequest;
    change(bytes, random);
    const auto read = read_request_head(bytes);
    const auto* head = std::get_if<RequestHead>(&read);
    if (head == nullptr) continue;
    ++taken;
    ASSERT_LE(head->size, bytes.size());
    ASSERT_EQ(bytes.substr(head->size - 4, 4), "\r\n\r\n");
    const auto target = read_target(*head, kOrigin);
    if (!std::holds_alternative<Target>(target)) continue;
    ++targets;
    expect_canonical(std::get<Target>(target));
    expect_same_again(*head, std::get<Target>(target));
  }
  EXPECT_GT(taken, 20'000);
  EXPECT_GT(targets, 10'000);
}

/// What is refused stays refused, and what is taken stays taken, whatever bytes come behind it.
TEST(HttpFuzz, MoreBytesChangeNoVerdict) {
  Random random(kSeed + 1);  // NOLINT
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes = kRequest;
    change(bytes, random);
    std::string before = "more";
    for (size_t size = 1; size <= bytes.size(); size += 1 + random() % 9) {
      const std::string now = outcome(read_request_head(bytes.substr(0, size)));
      if (before != "more") {
        ASSERT_EQ(now, before) << bytes;
      }
      before = now;
    }
  }
}

TEST(HttpFuzz, PathsAreTheirOwnCanonicalForm) {
  Random random(kSeed + 2);  // NOLINT
  constexpr std::string_view kParts = "//..%2eEaA5f;\\";
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = "/";
    for (auto count = random() % 16; count > 0; --count)
      text += kParts[random() % (random() % 4 == 0 ? kParts.size() : kParts.size() - 2)];
    const auto path = read_path(text);
    if (!std::holds_alternative<std::string>(path)) continue;
    ++taken;
    const std::string& canonical = std::get<std::string>(path);
    expect_canonical({canonical, false, ""});
    ASSERT_EQ(std::get<std::string>(read_path(canonical)), canonical) << text;
  }
  EXPECT_GT(taken, 10'000);
}

/// The content and end of a chunked body are the same whatever the pieces in which it comes.
TEST(HttpFuzz, BodiesAreReadAlikeInAllPieces) {
  using State = BodyReader::State;
  Random random(kSeed + 3);  // NOLINT
  int done = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string bytes = "5;a=b\r\nhello\r\n3\r\nyou\r\n0\r\nX: y\r\n\r\n";
    change(bytes, random);
    State states[2];
    std::string contents[2];
    size_t ends[2];
    for (const int way : {0, 1}) {
      BodyReader reader({Framing::kChunked, 0}, 20);
      size_t at = 0;
      size_t have = way == 0 ? bytes.size() : 0;
      while (reader.state() == State::kMore) {
        const auto step = reader.read(std::string_view(bytes).substr(at, have - at));
        contents[way] += step.content;
        at += step.taken;
        if (step.taken > 0 || step.state != State::kMore) continue;
        if (have == bytes.size()) break;
        have = std::min(bytes.size(), have + 1 + random() % 4);
      }
      states[way] = reader.state();
      ends[way] = at;
      ASSERT_LE(contents[way].size(), 20U);
    }
    ASSERT_EQ(states[0], states[1]) << bytes;
    ASSERT_EQ(ends[0], ends[1]) << bytes;
    ASSERT_EQ(contents[0], contents[1]) << bytes;
    if (states[0] == State::kDone) ++done;
  }
  EXPECT_GT(done, 5'000);
}

TEST(HttpFuzz, ResponsesEndInsideTheirBytes) {
  Random random(kSeed + 4);  // NOLINT
  int taken = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string bytes = message("HTTP/1.1 200 OK", {"Content-Length: 5", "X-One: two", "Via: a"});
    change(bytes, random);
    const auto read = read_response_head(bytes, {"GET"});
    const auto* head = std::get_if<ResponseHead>(&read);
    if (head == nullptr) continue;
    ++taken;
    ASSERT_LE(head->size, bytes.size());
    ASSERT_TRUE(head->status >= 100 && head->status < 600);
    const Headers headers = filter_response(*head, {});
    const std::string written = write_response_head({.status = head->status,
                                                     .headers = headers,
                                                     .body = client_body(head->body, false),
                                                     .declared_length = head->declared_length});
    if (head->status >= 200) {
      ASSERT_EQ(outcome(read_response_head(written, {"GET"})), "ok");
    }
  }
  EXPECT_GT(taken, 9'000);
}

}  // namespace
}  // namespace carrel::gateway::http
