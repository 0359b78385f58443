#include "profiles/base/cidr.h"

#include <arpa/inet.h>

#include <cerrno>
#include <charconv>

namespace carrel {
namespace {

bool differs_at(const Cidr& a, const Cidr& b, unsigned bit) {
  const unsigned mask = 0x80U >> (bit % 8);
  return ((a.bytes.at(bit / 8) ^ b.bytes.at(bit / 8)) & mask) != 0;
}

}  // namespace

bool Cidr::holds(const Cidr& inner) const {
  if (inner.v6 != v6 || inner.bits < bits) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    if (differs_at(*this, inner, bit)) return false;
  }
  return true;
}

std::string Cidr::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const char* written = inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out.data(),
                                  static_cast<socklen_t>(out.size()));
  return written == nullptr ? "" : std::string(written) + "/" + std::to_string(bits);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const Error bad{"not a network", EINVAL};
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash >= INET6_ADDRSTRLEN) return bad;
  const std::string address(text.substr(0, slash));
  Cidr cidr;
  cidr.v6 = address.find(':') != std::string::npos;
  if (inet_pton(cidr.v6 ? AF_INET6 : AF_INET, address.c_str(), cidr.bytes.data()) != 1) return bad;
  const std::string_view number = text.substr(slash + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), cidr.bits);
  const unsigned most = cidr.v6 ? 128 : 32;
  if (error != std::errc() || cidr.bits > most) return bad;
  for (unsigned bit = cidr.bits; bit < most; ++bit) {
    if (differs_at(cidr, Cidr{}, bit)) return bad;
  }
  if (end != number.data() + number.size() || cidr.text() != text) return bad;
  return cidr;
}

}  // namespace carrel
