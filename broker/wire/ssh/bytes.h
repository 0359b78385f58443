#pragma once
// The integers and strings of ssh (RFC 4251 section 5): big-endian, each string with its length.

#include <cstdint>
#include <string>
#include <string_view>

namespace carrel::ssh {

void put_u32(std::string& out, uint32_t value);
void put_u64(std::string& out, uint64_t value);
/// u32 length and the bytes; nothing that is put here comes near 4 GiB.
void put_string(std::string& out, std::string_view bytes);

/// Takes bytes apart. What does not fit leaves it failed, and gives empty values from then on.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(size_t count);
  uint32_t u32();
  std::string_view string() { return take(u32()); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool failed() const { return failed_; }
  /// Everything was there, and nothing is left.
  [[nodiscard]] bool whole() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace carrel::ssh
