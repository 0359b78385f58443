#pragma once
// What is publicly known of hosts by their names: whose they are and what they carry. The tables
// name kinds of service, not faults; a name that is not in them may still be one.

#include <string_view>

namespace carrel::lint {

enum class Sharing {
  kNone,    // not known to be shared
  kByPath,  // anybody can have an account there: the path says whose
  kByName,  // a name below a shared service: it belongs to whoever registered it
};

struct HostFacts {
  Sharing sharing = Sharing::kNone;
  std::string_view kind;  // "a code host", "an object store", …; "" where nothing is known
  bool packages = false;  // a registry, of which everybody reads everything
  bool cdn = false;       // many names behind the same addresses
  bool dns = false;       // answers DNS questions over HTTPS
};

/// Pure; `host` is in lower case, as a profile writes it.
HostFacts facts_of(std::string_view host);

}  // namespace carrel::lint
