#pragma once
// What was granted to a session beyond its profile, while it lasts. Session and gateway keep the
// same list of the same tables, so that both decide alike. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/decide/network.h"
#include "profiles/model/profile.h"

namespace carrel::decide {

/// What passes of a granted name where no table of the profile says how much.
inline constexpr uint64_t kGrantedUp = uint64_t{1} << 20;
inline constexpr uint64_t kGrantedDown = uint64_t{1} << 30;

/// The [[network]] table that granting this port stands for: where the profile names the host, its
/// addresses and budget, and where requests are read its rules and credential; beyond those rules
/// every request passes (passes_every_request()). `mode` is a word of the language but ssh;
/// "inspect" only for what can_inspect(). An Error for anything else.
Result<model::Network> granted_network(const model::Profile& profile, const std::string& host,
                                       uint32_t port, std::string_view mode);

/// Whether the session's own authority can sign for the name: a table reads its requests.
bool can_inspect(const model::Profile& profile, std::string_view host);

class LiveGrants {
 public:
  static constexpr size_t kMost = 64;

  /// Nothing happens beyond kMost, or where the id is there already: false.
  bool add(std::string id, model::Network network);
  /// False: there is none.
  bool end(std::string_view id);
  [[nodiscard]] Grants list() const { return networks_; }
  /// Whether a decision was made by one of these.
  [[nodiscard]] bool holds(const model::Network* network) const;
  /// Whether one of these grants the same as that.
  [[nodiscard]] bool grants(const model::Network& network) const;

 private:
  std::vector<model::Network> networks_;
  std::vector<std::string> ids_;  // of the same places
};

}  // namespace carrel::decide
