#include "broker/service/credentials/discovery.h"

#include <algorithm>

#include "broker/service/credentials/jwk.h"
#include "profiles/base/text.h"

namespace carrel::credentials {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr size_t kLongest = 200;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_host(std::string_view host) {
  const auto fits = [](char c) { return is_lower_or_digit(c) || c == '-' || c == '.'; };
  return !host.empty() && is_lower_or_digit(host.front()) && is_lower_or_digit(host.back()) &&
         std::all_of(host.begin(), host.end(), fits) && host.find("..") == std::string_view::npos;
}

bool is_port(std::string_view port) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !port.empty() && port.size() <= 5 && port.front() != '0' &&
         std::all_of(port.begin(), port.end(), is_digit) && std::stoul(std::string(port)) <= 65535;
}

/// One between two slashes.
bool is_segment(std::string_view segment) {
  const auto fits = [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           c == '~';
  };
  return !segment.empty() && segment != "." && segment != ".." &&
         std::all_of(segment.begin(), segment.end(), fits);
}

bool is_path(std::string_view path) {
  while (!path.empty()) {
    if (path.front() != '/') return false;
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (!is_segment(segment)) return false;
    path.remove_prefix(segment.size());
  }
  return true;
}

bool is_url(std::string_view name) {
  if (name.size() > kLongest || !name.starts_with(kScheme)) return false;
  const std::string_view rest = name.substr(kScheme.size());
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const size_t colon = authority.find(':');
  const bool has_port = colon != std::string_view::npos;
  return is_host(authority.substr(0, colon)) &&
         (!has_port || is_port(authority.substr(colon + 1))) &&
         is_path(rest.substr(authority.size()));
}

Status check_url(std::string_view what, std::string_view url) {
  if (is_url(url)) return Done{};
  return Error{std::string(what) + " " + quoted(url) +
               " is not one; write https://HOST, with a port and a path if it has them, in lower "
               "case and without a slash at its end"};
}

}  // namespace

Status check_issuer_name(std::string_view name) {
  return check_url("issuer", name);
}

Status check_introspection_url(std::string_view url) {
  return check_url("introspection", url);
}

std::string discovery_text(const IssuerNames& names) {
  return "{\"issuer\":" + json_string(names.issuer) +
         ",\"jwks_uri\":" + json_string(names.issuer + "/jwks.json") +
         (names.introspection.empty()
              ? ""
              : ",\"introspection_endpoint\":" + json_string(names.introspection)) +
         R"(,"response_types_supported":["id_token"],"subject_types_supported":["public"])"
         R"(,"id_token_signing_alg_values_supported":["RS256","ES256","EdDSA"])"
         R"(,"claims_supported":["iss","sub","aud","exp","iat","nbf","jti","sid","task","profile",)"
         R"("profile_rev","contractor","purpose","repo"]})"
         "\n";
}

}  // namespace carrel::credentials
