#include "profiles/decide/network.h"

#include <algorithm>

#include "profiles/base/text.h"
#include "profiles/model/credentials.h"
#include "profiles/model/words.h"

namespace carrel::decide {
namespace {

bool has_port(const model::Network& network, uint16_t port) {
  return std::find(network.ports.begin(), network.ports.end(), port) != network.ports.end();
}

/// The first of the profile's tables, then of the grants, that is asked for.
template <typename Is>
const model::Network* first_of(const model::Profile& profile, Grants grants, Is is) {
  for (const model::Network& network : profile.networks) {
    if (is(network)) return &network;
  }
  const auto found = std::find_if(grants.begin(), grants.end(), is);
  return found == grants.end() ? nullptr : &*found;
}

/// Whether a connection that both let be is carried as the first one says.
bool goes_before(model::NetworkMode one, model::NetworkMode other) {
  const auto rank = [](model::NetworkMode mode) {
    if (mode == model::NetworkMode::kPassthrough) return 0;
    return mode == model::NetworkMode::kTcp ? 1 : 2;
  };
  return rank(one) > rank(other);
}

NetworkDecision denied_by_default() {
  return {Verdict::kDenied, std::string(kNetworkRule), nullptr};
}

std::string listed(const std::vector<model::TextEntry>& entries) {
  std::string out;
  for (const model::TextEntry& entry : entries)
    out += (out.empty() ? "\"" : ", \"") + quoted(entry.text) + '"';
  return out;
}

}  // namespace

const model::Network* network_for(const model::Profile& profile, std::string_view host,
                                  Grants grants) {
  return first_of(profile, grants,
                  [host](const model::Network& network) { return network.host == host; });
}

const model::Network* network_for(const model::Profile& profile, std::string_view host,
                                  uint16_t port, Grants grants) {
  const auto is = [host, port](const model::Network& network) {
    return network.host == host && has_port(network, port);
  };
  const model::Network* found = first_of(profile, {}, is);
  for (const model::Network& granted : grants) {
    if (!is(granted)) continue;
    if (found == nullptr || goes_before(granted.mode, found->mode)) found = &granted;
  }
  return found == nullptr ? network_for(profile, host, grants) : found;
}

bool passes_every_request(Grants grants, std::string_view host, uint16_t port) {
  return std::any_of(grants.begin(), grants.end(), [host, port](const model::Network& granted) {
    return granted.host == host && granted.mode == model::NetworkMode::kInspect &&
           has_port(granted, port);
  });
}

std::string rule_of(const model::Network& network) {
  return "network." + network.host;
}

NetworkDecision decide_name(const model::Profile& profile, std::string_view host, Grants grants) {
  const model::Network* network = network_for(profile, host, grants);
  if (network == nullptr) return denied_by_default();
  return {Verdict::kAllowed, rule_of(*network), network};
}

NetworkDecision decide_flow(const model::Profile& profile, std::string_view host, uint16_t port,
                            Grants grants) {
  const model::Network* network = network_for(profile, host, port, grants);
  if (network == nullptr) return denied_by_default();
  const Verdict verdict = has_port(*network, port) ? Verdict::kAllowed : Verdict::kDenied;
  return {verdict, rule_of(*network), network};
}

NetworkDecision decide_destination(std::string_view /*address*/, uint16_t /*port*/) {
  return denied_by_default();
}

std::string words_of(const model::Profile& profile, const NetworkDecision& decision) {
  if (decision.network == nullptr) {
    return std::string(profile.networks.empty() ? "Nothing" : "Nothing else") +
           " on any network may be reached; a [[network]] table could grant it.";
  }
  const model::Network& network = *decision.network;
  std::string ports;
  for (const uint16_t port : network.ports)
    ports += (ports.empty() ? "" : ", ") + std::to_string(port);
  return "Of \"" + quoted(network.host) + "\" port " + ports + " may be reached (" +
         std::string(model::word_of(model::kNetworkModeWords, network.mode)) +
         "); its [[network]] table could grant more.";
}

std::string request_line(std::string_view host, std::optional<uint16_t> port) {
  return "carrel request network " + quoted(host) + (port ? ":" + std::to_string(*port) : "") +
         " --for REASON --until TIME";
}

std::string credential_request_line(std::string_view name) {
  return "carrel request credential " + quoted(name) + " --for REASON --until TIME";
}

std::string credential_on_request(const model::Profile& profile, const model::Network& network) {
  const model::Credential* wanted = model::find_credential(profile, network.credential);
  const bool asked_for = wanted != nullptr && wanted->issue == model::CredentialIssue::kRequest;
  return asked_for ? wanted->name : "";
}

std::string requests_of(const model::HttpRule& rule) {
  const std::string repository = '"' + quoted(rule.repository) + '"';
  if (rule.preset == model::kGitFetch) return "git clone and fetch of " + repository + ", no push";
  if (rule.preset == model::kGitPush) {
    return "git clone, fetch and push of " + repository + ", where a push changes only " +
           listed(rule.refs);
  }
  std::string methods;
  for (const model::TextEntry& method : rule.methods)
    methods += (methods.empty() ? "" : ", ") + quoted(method.text);
  return methods + " " + quoted(rule.path);
}

}  // namespace carrel::decide
