#include "launcher/gateway/dial/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <initializer_list>
#include <optional>

namespace carrel::gateway {
namespace {

struct Special {
  const char* network;
  std::string_view word;
};

// The first that holds an address names it.
constexpr std::array<Special, 39> kSpecial = {{
    {"0.0.0.0/32", "unspecified"},
    {"0.0.0.0/8", "this-network"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "shared-nat"},
    {"100.100.100.200/32", "metadata"},
    {"127.0.0.0/8", "loopback"},
    {"168.63.129.16/32", "metadata"},
    {"169.254.169.254/32", "metadata"},
    {"169.254.170.2/32", "metadata"},
    {"169.254.0.0/16", "link-local"},
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "protocol"},
    {"192.0.2.0/24", "documentation"},
    {"192.31.196.0/24", "as112"},
    {"192.52.193.0/24", "amt"},
    {"192.88.99.0/24", "6to4-relay"},
    {"192.168.0.0/16", "private"},
    {"192.175.48.0/24", "as112"},
    {"198.18.0.0/15", "synthetic"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"::ffff:0:0/96", "v4-mapped"},
    {"::ffff:0:0:0/96", "v4-translated"},
    {"::/96", "v4-compatible"},
    {"64:ff9b::/96", "nat64"},
    {"64:ff9b:1::/48", "nat64"},
    {"100::/64", "discard"},
    {"2001::/32", "teredo"},
    {"2001::/23", "protocol"},
    {"2001:db8::/32", "documentation"},
    {"2002::/16", "6to4"},
    {"fd00:ec2::/32", "metadata"},
    {"fc00::/7", "private"},
    {"fe80::/10", "link-local"},
    {"ff00::/8", "multicast"},
}};

/// Of an IPv6 address: what RFC 6052 2.2 calls u.
constexpr size_t kZeroOctet = 8;

/// What a company's own hosts have.
constexpr std::array<std::string_view, 3> kMayBeMeant = {"private", "shared-nat", "documentation"};

struct Named {
  Network network;
  std::string_view word;
};

const std::vector<Named>& special() {
  static const std::vector<Named> list = [] {
    std::vector<Named> all;
    for (const Special& each : kSpecial)
      all.push_back({Network::parse(each.network).take(), each.word});
    // The most exact first, so that what lies in another's range has its own word.
    std::stable_sort(all.begin(), all.end(), [](const Named& a, const Named& b) {
      return a.network.bits > b.network.bits;
    });
    return all;
  }();
  return list;
}

/// ISATAP (RFC 5214 6.1): any prefix, and an IPv4 address behind 0:5efe or 200:5efe.
bool is_isatap(const Address& address) {
  const auto& b = address.bytes;
  return address.v6 && (b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe;
}

std::string_view word_of(const Address& address, const std::vector<Address>& own) {
  if (std::find(own.begin(), own.end(), address) != own.end()) return "own";
  for (const Named& each : special()) {
    if (each.network.holds(address)) return each.word;
  }
  if (is_isatap(address)) return "isatap";
  // What IANA has not given to be used by hosts (RFC 4291 2.4).
  if (address.v6 && (address.bytes[0] & 0xe0) != 0x20) return "reserved";
  return "";
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What is judged in the place of an address behind a prefix of NAT64; nothing where it is itself.
std::optional<Address> translated(const Address& address, const std::vector<Network>& nat64) {
  for (const Network& prefix : nat64) {
    if (prefix.holds(address)) return embedded(prefix, address);
  }
  return std::nullopt;
}

}  // namespace

Address Address::v4(uint32_t host_order) {
  Address address;
  for (size_t i = 0; i < 4; ++i)
    address.bytes.at(i) = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

Result<Address> Address::parse(std::string_view text) {
  constexpr size_t kMaxText = 45;
  const std::string copy(text.substr(0, kMaxText + 1));
  Address address;
  address.v6 = copy.find(':') != std::string::npos;
  if (copy.size() > kMaxText || copy.find('\0') != std::string::npos ||
      inet_pton(address.v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1)
    return Error{"not an address", EINVAL};
  return address;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const char* written = inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out.data(),
                                  static_cast<socklen_t>(out.size()));
  return written == nullptr ? "" : written;
}

bool Network::holds(const Address& other) const {
  if (other.v6 != address.v6) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if (((other.bytes.at(bit / 8) ^ address.bytes.at(bit / 8)) & mask) != 0) return false;
  }
  return true;
}

Result<Network> Network::parse(std::string_view text) {
  const Error bad{"not a network", EINVAL};
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return bad;
  const auto address = Address::parse(text.substr(0, slash));
  if (!address.ok()) return bad;
  const std::string_view number = text.substr(slash + 1);
  Network network{address.value(), 0};
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), network.bits);
  const unsigned most = network.address.v6 ? 128 : 32;
  if (error != std::errc() || end != number.data() + number.size() || network.bits > most ||
      (number.size() > 1 && number.front() == '0'))
    return bad;
  for (unsigned bit = network.bits; bit < most; ++bit) {
    if ((network.address.bytes.at(bit / 8) & (0x80U >> (bit % 8))) != 0) return bad;
  }
  return network;
}

Result<Network> parse_nat64(std::string_view text) {
  ASSIGN_OR_RETURN(const Network prefix, Network::parse(text));
  constexpr std::array<unsigned, 6> kLengths = {32, 40, 48, 56, 64, 96};
  if (!prefix.address.v6 ||
      std::find(kLengths.begin(), kLengths.end(), prefix.bits) == kLengths.end()) {
    return Error{"not an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits", EINVAL};
  }
  if (prefix.address.bytes.at(kZeroOctet) != 0) {
    return Error{"bits 64 to 71 must be zero", EINVAL};
  }
  for (const char* range : {"2000::/3", "fc00::/7", "64:ff9b::/32"}) {
    if (Network::parse(range).value().holds(prefix.address)) return prefix;
  }
  return Error{"no network is given addresses there", EINVAL};
}

Address embedded(const Network& nat64, const Address& address) {
  Address out;
  size_t from = nat64.bits / 8;
  for (size_t to = 0; to < 4; ++to, ++from) {
    if (from == kZeroOctet) ++from;
    out.bytes.at(to) = address.bytes.at(from);
  }
  return out;
}

std::string_view why_not_dialled(const Address& address, const HostNetwork& host,
                                 const std::vector<Network>& granted) {
  const std::string_view word = word_of(address, host.own);
  const std::optional<Address> within = translated(address, host.nat64);
  // Where such a prefix may lie; what is itself somebody else's is not made good by it.
  if (within.has_value() && one_of(word, {"", "private", "documentation", "nat64"})) {
    if (address.bytes.at(kZeroOctet) != 0) return "nat64";
    return why_not_dialled(*within, host, granted);
  }
  if (word.empty()) return word;
  if (std::find(kMayBeMeant.begin(), kMayBeMeant.end(), word) == kMayBeMeant.end()) return word;
  const bool meant = std::any_of(granted.begin(), granted.end(),
                                 [&address](const Network& each) { return each.holds(address); });
  return meant ? "" : word;
}

}  // namespace carrel::gateway
