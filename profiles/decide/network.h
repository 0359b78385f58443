#pragma once
// What a profile says of names, connections and URLs: the one answer that the gateway gives, the
// session records and `carrel why` foresees. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/decide/decide.h"
#include "profiles/model/profile.h"

namespace carrel::decide {

/// What was granted after the profile was written, for a while; each as a [[network]] table.
using Grants = std::span<const model::Network>;

/// kAllowed or kDenied, the id of the rule, and the table that names the host: of the profile or of
/// the grants, or null.
struct NetworkDecision {
  Verdict verdict = Verdict::kDenied;
  std::string rule;
  const model::Network* network = nullptr;
  bool operator==(const NetworkDecision&) const = default;
};

/// The table that names this host, or null. Names compare byte by byte: `host` is in lower case and
/// without a last dot, as a profile writes it. Nothing stands for names below it.
const model::Network* network_for(const model::Profile& profile, std::string_view host,
                                  Grants grants = {});
/// The table that grants this port of the host; where none does, the one that names the host. Of
/// several the one that lets most pass: "tcp" before "passthrough". What is read stays so, for a
/// grant takes away neither a rule of the profile's nor the credential that its gateway puts in.
const model::Network* network_for(const model::Profile& profile, std::string_view host,
                                  uint16_t port, Grants grants = {});

/// Whether every request passes by one of the grants to that port of a host whose requests are
/// read, also where the rules of its table let it not.
bool passes_every_request(Grants grants, std::string_view host, uint16_t port);

/// "network.HOST".
std::string rule_of(const model::Network& network);

/// Whether a name may be looked up: where any port of it may be reached.
NetworkDecision decide_name(const model::Profile& profile, std::string_view host,
                            Grants grants = {});

/// Whether a connection to a port of a name may be made. Denied by default:network where no table
/// names the host, by that table's rule where only the port is not granted.
NetworkDecision decide_flow(const model::Profile& profile, std::string_view host, uint16_t port,
                            Grants grants = {});

/// A connection to an address that belongs to no name (outside the gateway's own window): always
/// denied by default:network. Profiles grant names.
NetworkDecision decide_destination(std::string_view address, uint16_t port);

/// The sentence of a decision, as rules_of() has it: what may be reached and what could grant more.
std::string words_of(const model::Profile& profile, const NetworkDecision& decision);

/// The line with which a contractor asks for a host, or for one port of it: "carrel request network
/// HOST:PORT --for REASON --until TIME". The two words in capitals are to be replaced.
std::string request_line(std::string_view host, std::optional<uint16_t> port = std::nullopt);

/// The same for a credential that is issued on request: "carrel request credential NAME --for
/// REASON --until TIME".
std::string credential_request_line(std::string_view name);

/// The credential that the table puts in, where it is one that is issued on request; "" else.
std::string credential_on_request(const model::Profile& profile, const model::Network& network);

/// Which requests one http rule lets pass: "GET, HEAD /v2/**", "git clone and fetch of …".
std::string requests_of(const model::HttpRule& rule);

/// What would become of a URL.
struct UrlAnswer {
  Verdict verdict = Verdict::kDenied;
  std::string rule;
  std::string words;                // one or two sentences
  std::vector<std::string> passes;  // where requests are read: those that pass, as requests_of()
  std::string request;              // where asking can help: request_line()
  std::string credential;  // that an allowed one needs and that is issued on request; "": none
  bool operator==(const UrlAnswer&) const = default;
};

inline constexpr size_t kMaxUrlBytes = 2048;

/// Reads scheme://[user@]host[:port][/path][?query] (RFC 3986) and says what would become of it;
/// the fragment is never sent and does not count. Without a port the scheme's own: http, https, ws,
/// wss, ssh, git. Errors, with what to write instead: what is no such URL, has no known port, or
/// has a path that is not as it would be sent (escapes, "." and ".." unresolved).
Result<UrlAnswer> foresee_url(const model::Profile& profile, std::string_view url,
                              Grants grants = {});

}  // namespace carrel::decide
