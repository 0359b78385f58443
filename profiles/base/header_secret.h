#pragma once
// What a secret has to be that is put into the head of a request: one answer for who issues it and
// for who puts it in. Pure.

#include <cstddef>
#include <string_view>

namespace carrel {

/// A shorter one would be found in answers where it is not.
inline constexpr size_t kMinHeaderSecret = 8;
inline constexpr size_t kMaxHeaderSecret = size_t{8} << 10;

/// What a value has to be, in words behind "it has to be ".
inline constexpr std::string_view kHeaderSecretWords =
    "8 bytes to 8 KiB of printable ASCII, without a space at either end";

/// What is wrong with it, in words behind "it", that say no byte of it; "" where it fits.
std::string_view header_secret_fault(std::string_view value);

}  // namespace carrel
