#include "broker/wire/protocol/host_space.h"

#include <cerrno>

namespace carrel::protocol {
namespace {

constexpr size_t kNumber = 8;

void add(std::string& out, uint64_t value) {
  for (size_t i = 0; i < kNumber; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

uint64_t number_at(std::string_view body, size_t index) {
  uint64_t value = 0;
  for (size_t i = kNumber; i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(body[index * kNumber + i - 1]);
  return value;
}

}  // namespace

std::string format_host_space(const HostSpace& space) {
  std::string out;
  for (const uint64_t value : {uint64_t{space.low}, space.free_bytes, space.mark_bytes})
    add(out, value);
  return out;
}

Result<HostSpace> parse_host_space(std::string_view body) {
  if (body.size() != 3 * kNumber || number_at(body, 0) > 1) {
    return Error{"not what is said of the host's room", EBADMSG};
  }
  return HostSpace{number_at(body, 0) == 1, number_at(body, 1), number_at(body, 2)};
}

}  // namespace carrel::protocol
