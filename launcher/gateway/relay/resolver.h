#pragma once
// The host's own name servers, asked when a connection to an allowed name is made and never before
// (c-ares). What they answer is judged by dial/address.h.

#include <memory>
#include <string>
#include <vector>

#include "launcher/gateway/dial/address.h"
#include "launcher/gateway/relay/task.h"
#include "profiles/base/result.h"

namespace carrel::gateway {

class Resolver {
 public:
  /// `servers` as "192.0.2.53:53" or "[2001:db8::53]:53"; at least one. Neither /etc/hosts nor any
  /// search list counts. Reads files: before confinement.
  static Result<std::unique_ptr<Resolver>> open(Loop& loop,
                                                const std::vector<std::string>& servers);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// `name` outlives the task. Addresses of IPv4 and IPv6, in the order in which to try them; an
  /// Error says why there is none. An answer holds as address_cache.h says; who asks for the same
  /// name meanwhile gets the same answer.
  Task<Result<std::vector<Address>>> resolve(const std::string& name);
  /// What was answered for it leads nowhere: it is asked for again.
  void forget(const std::string& name);

 private:
  struct State;
  explicit Resolver(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carrel::gateway
