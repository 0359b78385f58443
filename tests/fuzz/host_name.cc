// A name has one canonical form, which is its own, whatever the case in which it came.

#include <cctype>

#include "launcher/gateway/dns/name.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(host_name) {
  const auto name = carrel::gateway::canonical_name(input);
  if (!name.ok()) return;
  MUST(!name.value().empty() && name.value().size() <= 253);
  MUST(carrel::gateway::canonical_name(name.value()).value() == name.value());
  std::string upper(input);
  for (char& c : upper)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  MUST(carrel::gateway::canonical_name(upper).value() == name.value());
  size_t label = 0;
  for (const char c : name.value() + ".") {
    MUST(c == '.' || c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
    MUST(c != '.' || (label >= 1 && label <= 63));
    label = c == '.' ? 0 : label + 1;
  }
}
