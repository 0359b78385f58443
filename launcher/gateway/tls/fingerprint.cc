#include "launcher/gateway/tls/fingerprint.h"

#include <algorithm>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"

namespace carrel::gateway {
namespace {

constexpr uint16_t kServerName = 0;
constexpr uint16_t kAlpn = 16;
constexpr size_t kHashDigits = 12;

std::string hex16(uint16_t value) {
  const std::string bytes = {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
  return to_hex(bytes);
}

std::string joined(const std::vector<uint16_t>& values) {
  std::string out;
  for (const uint16_t value : values)
    out += (out.empty() ? "" : ",") + hex16(value);
  return out;
}

std::vector<uint16_t> without_grease(std::vector<uint16_t> values) {
  values.erase(std::remove_if(values.begin(), values.end(), is_grease), values.end());
  return values;
}

std::string short_hash(const std::string& text) {
  if (text.empty()) return std::string(kHashDigits, '0');
  return to_hex(evidence::as_view(evidence::sha256(text))).substr(0, kHashDigits);
}

std::string_view version_word(uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

std::string two_digits(size_t count) {
  const std::string text = std::to_string(std::min<size_t>(count, 99));
  return text.size() == 1 ? "0" + text : text;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// First and last character; of its hex digits where one of the two is no letter or digit.
std::string ends_of(const std::string& protocol) {
  if (protocol.empty()) return "00";
  const bool plain = is_alphanumeric(protocol.front()) && is_alphanumeric(protocol.back());
  const std::string text = plain ? protocol : to_hex(protocol);
  return {text.front(), text.back()};
}

}  // namespace

bool is_grease(uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff);
}

std::string ja4(const HelloTraits& traits) {
  std::vector<uint16_t> ciphers = without_grease(traits.ciphers);
  std::vector<uint16_t> extensions = without_grease(traits.extensions);
  std::string out = "t";
  out += version_word(traits.version);
  out += traits.has_sni ? "d" : "i";
  out += two_digits(ciphers.size()) + two_digits(extensions.size()) + ends_of(traits.first_alpn);
  std::sort(ciphers.begin(), ciphers.end());
  out += "_" + short_hash(joined(ciphers));
  extensions.erase(std::remove_if(extensions.begin(), extensions.end(),
                                  [](uint16_t e) { return e == kServerName || e == kAlpn; }),
                   extensions.end());
  std::sort(extensions.begin(), extensions.end());
  std::string hashed = joined(extensions);
  const std::string algorithms = joined(without_grease(traits.signature_algorithms));
  if (!algorithms.empty()) hashed += "_" + algorithms;
  return out + "_" + short_hash(hashed);
}

}  // namespace carrel::gateway
