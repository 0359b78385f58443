#include "profiles/base/text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace carrel {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint32_t byte_at(std::string_view bytes, size_t i) {
  return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
}

std::string encode64(std::string_view bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t group =
        byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
    const size_t left = bytes.size() - i;
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    if (left > 1) out += alphabet[group >> 6 & 63];
    if (left > 2) out += alphabet[group & 63];
    for (size_t pad = left; padded && pad < 3; ++pad)
      out += '=';
  }
  return out;
}

/// Length of the well-formed UTF-8 sequence at `i` (Unicode 15, table 3-7), 0 when malformed.
size_t utf8_length(std::string_view s, size_t i, uint32_t* code) {
  const uint32_t first = byte_at(s, i);
  if (first < 0x80) {
    *code = first;
    return 1;
  }
  size_t length = 0;
  uint32_t low = 0x80;
  uint32_t high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    *code = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    *code = first & 0x0F;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    *code = first & 0x07;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (i + length > s.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    const uint32_t next = byte_at(s, i + k);
    if (next < low || next > high) return 0;
    low = 0x80;
    high = 0xBF;
    *code = *code << 6 | (next & 0x3F);
  }
  return length;
}

bool is_unsafe_to_show(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == '\\' || code == 0x061C ||
         code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  return encode64(bytes, kBase64, true);
}
std::string to_base64url(std::string_view bytes) {
  return encode64(bytes, kBase64Url, false);
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t pads = last ? (text[i + 3] == '=' ? (text[i + 2] == '=' ? 2U : 1U) : 0U) : 0U;
    uint32_t group = 0;
    for (size_t k = 0; k < 4 - pads; ++k) {
      const size_t value = kBase64.find(text[i + k]);
      if (value == std::string_view::npos) return std::nullopt;
      group |= static_cast<uint32_t>(value) << (18 - 6 * k);
    }
    if (pads == 1 && (group & 0xFF) != 0) return std::nullopt;
    if (pads == 2 && (group & 0xFFFF) != 0) return std::nullopt;
    out += static_cast<char>(group >> 16 & 0xFF);
    if (pads < 2) out += static_cast<char>(group >> 8 & 0xFF);
    if (pads < 1) out += static_cast<char>(group & 0xFF);
  }
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  return from_base64(standard);
}

bool is_utf8(std::string_view bytes) {
  uint32_t code = 0;
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = utf8_length(bytes, i, &code);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string quoted(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    uint32_t code = 0;
    const size_t length = utf8_length(bytes, i, &code);
    if (length == 0 || (length == 1 && is_unsafe_to_show(code))) {
      out += "\\x" + to_hex(bytes.substr(i, 1));
      i += 1;
    } else if (is_unsafe_to_show(code)) {
      const std::array<char, 4> code_bytes = {
          static_cast<char>(code >> 24 & 0xFF), static_cast<char>(code >> 16 & 0xFF),
          static_cast<char>(code >> 8 & 0xFF), static_cast<char>(code & 0xFF)};
      out += "\\u{" + to_hex({code_bytes.data() + 2, 2}) + "}";
      i += length;
    } else {
      out += bytes.substr(i, length);
      i += length;
    }
  }
  return out;
}

std::string nearest(std::string_view word, const std::string_view* candidates, size_t count,
                    size_t limit) {
  std::string best;
  size_t best_distance = limit + 1;
  for (size_t i = 0; i < count; ++i) {
    const size_t distance = edit_distance(word, candidates[i]);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidates[i];
    }
  }
  return best;
}

}  // namespace carrel
