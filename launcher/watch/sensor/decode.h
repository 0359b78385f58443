#pragma once
// One raw record taken apart, with every length checked against the bytes that are there.

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "broker/record/events/event.h"
#include "launcher/watch/sensor/wire.h"

namespace carrel::sensor {

/// The fixed part of a record, or nothing when the record is shorter.
template <typename T>
std::optional<T> fixed_part(std::string_view record) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (record.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, record.data(), sizeof value);
  return value;
}

/// `length` bytes at `offset`, or nothing when they are not all there.
inline std::optional<std::string_view> tail_part(std::string_view record, size_t offset,
                                                 size_t length) {
  if (offset > record.size() || length > record.size() - offset) return std::nullopt;
  return record.substr(offset, length);
}

/// argv as it lies in memory: strings, each followed by a NUL; the last may be cut.
std::vector<std::string> split_argv(std::string_view bytes);

/// A socket address as connect(2) was given it. A unix path is left as given; abstract names start
/// with '@'. Addresses too short for their family become "other".
events::NetConnect decode_address(std::string_view bytes);

/// The call's name for FileMake, "" for another number.
std::string_view make_name(uint32_t call);

/// The kernel's dev_t as stat(2) shows it.
uint64_t user_device(uint32_t kernel_device);

}  // namespace carrel::sensor
