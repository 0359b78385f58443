#pragma once
// The few lines of JSON that the record's printers share: strings, and objects in a fixed key
// order.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::events {

/// Appends `text` (UTF-8) as a JSON string. Control characters of C0 and C1, DEL and those that
/// turn the direction of text are written as \uNNNN, so that a terminal showing the line obeys
/// none.
void append_json_string(std::string* out, std::string_view text);

/// Writes one JSON object, one member after the other. Names are our own and need no escaping.
class JsonObject {
 public:
  explicit JsonObject(std::string* out) : out_(out) { *out_ += '{'; }
  /// "name":"text", or "name_b64":"…" where the bytes are not UTF-8.
  void bytes(std::string_view name, std::string_view value);
  void number(std::string_view name, uint64_t value);
  void integer(std::string_view name, int64_t value);
  void boolean(std::string_view name, bool value);
  void null(std::string_view name);
  /// "name": with the value left to the caller.
  std::string* raw(std::string_view name);
  void end() { *out_ += '}'; }

 private:
  std::string* out_;
  bool first_ = true;
};

/// An array of texts; where one of them is not UTF-8 all are base64 and the name ends in _b64.
void bytes_array(JsonObject* object, std::string_view name, const std::vector<std::string>& items);

}  // namespace carrel::events
