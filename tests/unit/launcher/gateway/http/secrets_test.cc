#include "launcher/gateway/http/secrets.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>

#include "profiles/base/text.h"

namespace carrel::gateway::http {
namespace {

const std::string kToken = "ghp_+/=% aZ9-secret-7f";

std::shared_ptr<const SecretForms> forms(const std::string& text) {
  auto made = SecretForms::create(Secret(text));
  EXPECT_TRUE(made.ok());
  return made.take();
}

bool found(const std::string& stream, const std::string& secret = kToken) {
  const auto shared = forms(secret);
  SecretScanner whole(shared);
  const bool answer = whole.add(stream);
  SecretScanner bytes(shared);
  for (const char c : stream)
    bytes.add(std::string_view(&c, 1));
  EXPECT_EQ(bytes.add(""), answer) << "the border of a buffer hides it: " << quoted(stream);
  return answer;
}

std::string url(const std::string& text, const char* digits, size_t every) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (i % every == 0 || text[i] == '%' || text[i] == ' ') {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string replaced(std::string text, char from, char to) {
  for (char& c : text) {
    if (c == from) c = to;
  }
  return text;
}

TEST(TextFinder, FindsATextInsideTheBeginningOfAnother) {
  const TextFinder finder({"abcd", "bc"});
  TextFinder::State state = 0;
  for (const char c : std::string("ab"))
    state = finder.next(state, c);
  EXPECT_EQ(finder.depth(state), 2U);
  EXPECT_FALSE(finder.is_found(state));
  EXPECT_TRUE(finder.is_found(finder.next(state, 'c')));
}

TEST(SecretScanner, FindsItAsItIs) {
  EXPECT_TRUE(found(kToken));
  EXPECT_TRUE(found("x" + kToken + "y"));
  EXPECT_TRUE(found("ghp_ghp_+ghp_+/=% aZ9-secret-7ghp_+/=% aZ9-secret-7f"));
  EXPECT_FALSE(found(""));
  EXPECT_FALSE(found(kToken.substr(1)));
  EXPECT_FALSE(found(kToken.substr(0, kToken.size() - 1)));
  EXPECT_FALSE(found(kToken.substr(0, 10) + "x" + kToken.substr(10)));
}

TEST(SecretScanner, FindsItInBase64AtEveryAlignment) {
  for (size_t before = 0; before < 7; ++before) {
    for (size_t after = 0; after < 4; ++after) {
      const std::string encoded =
          to_base64(std::string(before, 'u') + kToken + std::string(after, 'v'));
      EXPECT_TRUE(found("Basic " + encoded)) << before << " " << after;
      EXPECT_TRUE(found(replaced(replaced(encoded, '+', '-'), '/', '_'))) << before;
    }
  }
  EXPECT_FALSE(found(to_base64(kToken.substr(0, kToken.size() - 2))));
}

TEST(SecretScanner, BothBase64AlphabetsDiffer) {
  const std::string odd = "\xfb\xff\xfe\xfb\xff\xfe\xfb\xef\xbe";
  EXPECT_NE(to_base64(odd).find_first_of("+/"), std::string::npos);
  EXPECT_TRUE(found(to_base64(odd), odd));
  EXPECT_TRUE(found(to_base64url(odd), odd));
}

TEST(SecretScanner, FindsItInHexOfEitherCase) {
  std::string hex = to_hex(kToken);
  EXPECT_TRUE(found("x" + hex));
  for (size_t i = 0; i < hex.size(); i += 2) {
    for (size_t j = i; j < i + 2; ++j) {
      if (hex[j] >= 'a') hex[j] = static_cast<char>(hex[j] - 'a' + 'A');
    }
    EXPECT_TRUE(found(hex)) << hex;
  }
  EXPECT_FALSE(found(hex.substr(1)));
}

TEST(SecretScanner, FindsItUrlEncodedInAnyMixture) {
  for (const size_t every : {size_t{1}, size_t{2}, size_t{3}, size_t{100}}) {
    EXPECT_TRUE(found("a=" + url(kToken, "0123456789abcdef", every) + "&b")) << every;
    EXPECT_TRUE(found("%" + url(kToken, "0123456789ABCDEF", every))) << every;
    EXPECT_TRUE(found("%4" + url(kToken, "0123456789ABCDEF", every))) << every;
  }
}

TEST(SecretScanner, OfALongSecretItsEndStandsForTheWhole) {
  const std::string token = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9." + std::string(100, 'p') +
                            ".c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4tYW5kLW9mLW5vLW90aGVyLW9uZQ";
  EXPECT_TRUE(found(token, token));
  EXPECT_TRUE(found(to_base64("user:" + token), token));
  EXPECT_FALSE(found(token.substr(0, 60), token));
}

TEST(SecretScanner, TooShortASecretCannotBeLookedFor) {
  EXPECT_TRUE(SecretForms::create(Secret(std::string("12345678"))).ok());
  const auto made = SecretForms::create(Secret(std::string("1234567")));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().sys_errno, EINVAL);
}

/// Held bytes are the whole beginning of the secret: what was sent before has none of it.
TEST(SecretScanner, WhoHoldsBackWhatItSaysSendsNothingOfIt) {
  const auto shared = forms(kToken);
  for (const std::string& form :
       {kToken, to_base64(kToken), to_hex(kToken), url(kToken, "0123456789abcdef", 1)}) {
    SecretScanner scanner(shared);
    std::string sent;
    std::string kept;
    for (const char c : "before: " + form) {
      kept += c;
      if (scanner.add(std::string_view(&c, 1))) break;
      const size_t hold = std::min(kept.size(), scanner.held());
      sent += kept.substr(0, kept.size() - hold);
      kept.erase(0, kept.size() - hold);
    }
    EXPECT_TRUE(scanner.add(""));
    EXPECT_TRUE(std::string("before: ").starts_with(sent)) << sent;
  }
  SecretScanner idle(shared);
  idle.add("nothing here");
  EXPECT_EQ(idle.held(), 0U);
}

TEST(SecretScanner, RandomStreamsHideNothingAndHaveNothing) {
  std::mt19937 random(20261126);  // NOLINT: a fixed seed makes failures repeatable
  const auto shared = forms(kToken);
  const std::vector<std::string> all = {kToken, to_base64(kToken), to_hex(kToken),
                                        url(kToken, "0123456789abcdef", 2)};
  for (int i = 0; i < 3'000; ++i) {
    std::string stream(random() % 200, '\0');
    for (char& c : stream)
      c = random() % 2 == 0 ? kToken[random() % kToken.size()] : static_cast<char>(random());
    SecretScanner without(shared);
    ASSERT_FALSE(without.add(stream));
    const std::string& form = all[random() % all.size()];
    stream += form + "tail";
    SecretScanner with(shared);
    for (size_t at = 0; at < stream.size();) {
      const size_t piece = 1 + random() % 40;
      with.add(std::string_view(stream).substr(at, piece));
      at += piece;
    }
    ASSERT_TRUE(with.add("")) << quoted(stream);
  }
}

}  // namespace
}  // namespace carrel::gateway::http
