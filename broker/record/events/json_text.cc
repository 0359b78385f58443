#include "broker/record/events/json_text.h"

#include <algorithm>

#include "profiles/base/text.h"

namespace carrel::events {
namespace {

/// The code point of a control or direction character that starts at `i`, and its length; 0 for
/// others.
struct Escaped {
  uint32_t code = 0;
  size_t length = 1;
};

Escaped must_escape(std::string_view text, size_t i) {
  const auto at = [&](size_t k) -> uint32_t {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
  };
  if (at(0) < 0x20 || at(0) == 0x7F) return {at(0) == 0 ? 0x10000U : at(0), 1};
  if (at(0) == 0xC2 && at(1) < 0xA0) return {at(1), 2};
  if (at(0) == 0xD8 && at(1) == 0x9C) return {0x061C, 2};
  if (at(0) != 0xE2) return {};
  const uint32_t code = 0x2000 | (at(1) & 0x3F) << 6 | (at(2) & 0x3F);
  if (code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
      (code >= 0x2066 && code <= 0x2069))
    return {code, 3};
  return {};
}

}  // namespace

void append_json_string(std::string* out, std::string_view text) {
  *out += '"';
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
      i += 1;
      continue;
    }
    const Escaped escaped = must_escape(text, i);
    if (escaped.code == 0) {
      *out += c;
      i += 1;
      continue;
    }
    if (c == '\n' || c == '\t' || c == '\r') {
      *out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else {
      const std::string bytes = {static_cast<char>(escaped.code >> 8 & 0xFF),
                                 static_cast<char>(escaped.code & 0xFF)};
      *out += "\\u" + to_hex(bytes);
    }
    i += escaped.length;
  }
  *out += '"';
}

std::string* JsonObject::raw(std::string_view name) {
  if (!first_) *out_ += ',';
  first_ = false;
  *out_ += '"';
  *out_ += name;
  *out_ += "\":";
  return out_;
}

void JsonObject::bytes(std::string_view name, std::string_view value) {
  if (is_utf8(value)) {
    append_json_string(raw(name), value);
    return;
  }
  append_json_string(raw(std::string(name) + "_b64"), to_base64(value));
}

void JsonObject::number(std::string_view name, uint64_t value) {
  *raw(name) += std::to_string(value);
}
void JsonObject::integer(std::string_view name, int64_t value) {
  *raw(name) += std::to_string(value);
}
void JsonObject::boolean(std::string_view name, bool value) {
  *raw(name) += value ? "true" : "false";
}
void JsonObject::null(std::string_view name) {
  *raw(name) += "null";
}

void bytes_array(JsonObject* object, std::string_view name, const std::vector<std::string>& items) {
  const bool text =
      std::all_of(items.begin(), items.end(), [](const std::string& s) { return is_utf8(s); });
  std::string* out = object->raw(text ? std::string(name) : std::string(name) + "_b64");
  *out += '[';
  for (size_t i = 0; i < items.size(); ++i) {
    if (i != 0) *out += ',';
    append_json_string(out, text ? items[i] : to_base64(items[i]));
  }
  *out += ']';
}

}  // namespace carrel::events
