#pragma once
// Addresses of other hosts, and which of them no name may lead to: those of the company's own
// network and of the machine itself, however they are written. Pure.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::gateway {

/// IPv4 in the first four bytes, or IPv6.
struct Address {
  bool v6 = false;
  std::array<uint8_t, 16> bytes = {};
  bool operator==(const Address&) const = default;

  static Address v4(uint32_t host_order);
  /// Strict: four decimal numbers without leading zeros, or RFC 4291 2.2; no zone, no brackets.
  static Result<Address> parse(std::string_view text);
  /// As inet_ntop(3) writes it.
  [[nodiscard]] std::string text() const;
};

struct Network {
  Address address;
  unsigned bits = 0;  // of the prefix
  [[nodiscard]] bool holds(const Address& other) const;
  /// "10.0.0.0/8"; nothing may be set behind the prefix.
  static Result<Network> parse(std::string_view text);
};

/// A prefix by which a network writes IPv4 addresses as IPv6 ones (NAT64, RFC 6052 2.2): of 32, 40,
/// 48, 56, 64 or 96 bits, bits 64 to 71 zero, and within what hosts and networks are given
/// (2000::/3, fc00::/7, 64:ff9b::/32). An Error says what of it is missing.
Result<Network> parse_nat64(std::string_view text);
/// The IPv4 address that `address` holds behind such a prefix of its.
Address embedded(const Network& nat64, const Address& address);

struct HostNetwork {
  std::vector<Address> own;    // the gateway's and the host's own addresses
  std::vector<Network> nat64;  // as parse_nat64() has them
};

/// Why an address is not dialled: a word of the record, from IANA's special-purpose registries
/// (RFC 6890) and the forms of IPv6 that hold an IPv4 address; "" for one that is. Behind a prefix
/// of the host's NAT64 the IPv4 address is what is judged, where bits 64 to 71 are zero. One that
/// is "private", "shared-nat" or "documentation" is dialled where a rule's networks (`granted`)
/// hold it; no rule means any of the others.
std::string_view why_not_dialled(const Address& address, const HostNetwork& host,
                                 const std::vector<Network>& granted);

}  // namespace carrel::gateway
