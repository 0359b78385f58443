// Addresses of other hosts: exactly those spellings that inet_pton(3) takes, and no form of a
// forbidden IPv4 address within IPv6 is dialled.

#include "launcher/gateway/dial/address.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "tests/fuzz/target.h"

namespace {

using carrel::gateway::Address;

/// Without rules a mapped or translated IPv4 address is dialled where the IPv4 address itself is.
void check_embedded(const Address& v4) {
  const bool dialled = carrel::gateway::why_not_dialled(v4, {}, {}).empty();
  for (const char* prefix : {"::ffff:", "64:ff9b::"}) {
    const auto v6 = Address::parse(prefix + v4.text());
    MUST(v6.ok());
    if (!dialled) MUST(!carrel::gateway::why_not_dialled(v6.value(), {}, {}).empty());
  }
}

}  // namespace

FUZZ_TARGET(address) {
  const auto read = Address::parse(input);
  std::array<uint8_t, 16> bytes{};
  const std::string text(input);
  const bool has_nul = input.find('\0') != std::string_view::npos;
  const bool v4 = !has_nul && inet_pton(AF_INET, text.c_str(), bytes.data()) == 1;
  const bool v6 = !v4 && !has_nul && inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
  MUST(read.ok() == (v4 || v6));
  const auto network = carrel::gateway::Network::parse(input);
  if (network.ok()) MUST(network.value().holds(network.value().address));
  if (!read.ok()) return;
  MUST(read.value().v6 == v6 && read.value().bytes == bytes);
  MUST(Address::parse(read.value().text()).value() == read.value());
  MUST(!carrel::gateway::why_not_dialled(read.value(), {{read.value()}, {}}, {}).empty());
  if (v4) check_embedded(read.value());
}
