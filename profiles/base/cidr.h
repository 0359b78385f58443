#pragma once
// A network by its prefix, as profiles write it.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "profiles/base/result.h"

namespace carrel {

/// All addresses that begin with the same bits. IPv4 stands in the first four bytes.
struct Cidr {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};
  unsigned bits = 0;
  bool operator==(const Cidr&) const = default;

  /// Whether every address of `inner` is one of these.
  [[nodiscard]] bool holds(const Cidr& inner) const;
  /// The only text that parse() takes for it.
  [[nodiscard]] std::string text() const;
  /// RFC 4632 3.1 and RFC 4291 2.3 with the address as inet_ntop(3) writes it (RFC 5952) and no bit
  /// set behind the prefix: "10.0.0.0/8", "fd00::/8". Errors: EINVAL.
  static Result<Cidr> parse(std::string_view text);
};

}  // namespace carrel
