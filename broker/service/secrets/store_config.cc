#include "broker/service/secrets/store_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "broker/service/secrets/names.h"
#include "profiles/base/text.h"
#include "profiles/parse/units.h"

namespace carrel::secrets {
namespace {

using parse::Member;
using parse::Problems;
using parse::Value;
using secret_store::Item;
using secret_store::Settings;

constexpr std::array<std::string_view, 7> kKeys = {"address", "auth_mount", "mount",  "namespace",
                                                   "role_id", "secrets",    "timeout"};
constexpr size_t kMaxText = 255;
constexpr size_t kMaxItems = 1024;
constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return kLetters.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

/// Parts between slashes that no URL has to escape, none of them empty, "." or "..".
bool is_path(std::string_view text) {
  if (text.empty() || text.size() > kMaxText || !consists_of(text, "._-/")) return false;
  while (true) {
    const size_t end = text.find('/');
    const std::string_view part = text.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_visible(std::string_view text) {
  return !text.empty() && text.size() <= kMaxText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// The text of a member; nothing, and a problem, where it is no string.
std::optional<std::string_view> text_of(const Member& member, Problems& problems) {
  if (member.value.kind == Value::Kind::kString) return member.value.text;
  problems.add(member.value.where,
               member.key + " is " + std::string(member.value.type) + ", not a string");
  return std::nullopt;
}

void read_path(const Member& member, std::string& into, Problems& problems) {
  const auto text = text_of(member, problems);
  if (!text.has_value()) return;
  into = *text;
  if (is_path(into)) return;
  problems.add(member.value.where, member.key + " \"" + quoted(into) +
                                       "\" is no path: write letters, digits, '.', '_', '-' and "
                                       "'/' between the parts, none at the ends");
}

bool read_port(std::string_view text, uint16_t& port) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failed == std::errc() && end == text.data() + text.size() && port != 0;
}

/// HOST[:PORT], with brackets around an address of version 6.
bool read_authority(std::string_view text, Settings& settings) {
  std::string_view rest;
  std::string_view host;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (host.find(':') == std::string_view::npos ||
        host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return false;
    }
  } else {
    const size_t end = text.find(':');
    host = text.substr(0, end);
    rest = end == std::string_view::npos ? "" : text.substr(end);
    if (!consists_of(host, ".-")) return false;
  }
  settings.host = host;
  if (host.empty() || host.size() > kMaxText || host.ends_with('.')) return false;
  return rest.empty() || (rest.starts_with(':') && read_port(rest.substr(1), settings.port));
}

void read_address(const Member& member, Settings& settings, Problems& problems) {
  constexpr std::string_view kScheme = "https://";
  const auto text = text_of(member, problems);
  if (!text.has_value()) return;
  if (text->starts_with("http://")) {
    return problems.add(member.value.where,
                        "address is http, over which secrets could be read: write https://");
  }
  if (text->starts_with(kScheme) && read_authority(text->substr(kScheme.size()), settings)) return;
  problems.add(member.value.where, "address \"" + quoted(*text) +
                                       "\" is none of a store: write \"https://HOST:PORT\", "
                                       "nothing after it");
}

void read_role(const Member& member, Settings& settings, Problems& problems) {
  const auto text = text_of(member, problems);
  if (!text.has_value()) return;
  settings.role_id = *text;
  if (is_visible(*text)) return;
  problems.add(member.value.where, "role_id is no role's id: write the one that the store gave");
}

void read_timeout(const Member& member, Settings& settings, Problems& problems) {
  const auto text = text_of(member, problems);
  if (!text.has_value()) return;
  const Result<uint64_t> seconds = parse::parse_duration(*text);
  if (seconds.ok() && seconds.value() >= 1 && seconds.value() <= 15) {
    settings.timeout_ms = seconds.value() * 1000;
    return;
  }
  problems.add(member.value.where, "timeout is no time from \"1s\" to \"15s\"");
}

void read_item(const Member& member, Settings& settings, Problems& problems) {
  if (!is_name(member.key)) {
    return problems.add(member.where, "\"" + quoted(member.key) +
                                          "\" is no name of a secret: write small letters, digits "
                                          "and '-'");
  }
  Item item;
  for (const Member& each : member.value.members) {
    if (each.key == "path") {
      read_path(each, item.path, problems);
    } else if (each.key == "field") {
      item.field = text_of(each, problems).value_or("");
      if (!is_visible(item.field)) problems.add(each.value.where, "field is no name of a field");
    } else {
      problems.add(each.where, "unknown key \"" + quoted(each.key) + "\"");
    }
  }
  if (member.value.find("path") == nullptr || member.value.find("field") == nullptr) {
    problems.add(member.where, "secret " + member.key +
                                   " does not say where it lies: write { path = \"ci/deploy\", "
                                   "field = \"token\" }");
  }
  settings.items[member.key] = std::move(item);
}

void read_items(const Member& member, Settings& settings, Problems& problems) {
  const size_t count = member.value.members.size();
  if (member.value.kind != Value::Kind::kTable || count == 0 || count > kMaxItems) {
    return problems.add(member.where,
                        "secrets is no table of 1 to 1024 names: write NAME = { path = "
                        "\"ci/deploy\", field = \"token\" }");
  }
  for (const Member& each : member.value.members)
    read_item(each, settings, problems);
}

void read_member(const Member& member, Settings& settings, Problems& problems) {
  if (member.key == "address") return read_address(member, settings, problems);
  if (member.key == "role_id") return read_role(member, settings, problems);
  if (member.key == "mount") return read_path(member, settings.mount, problems);
  if (member.key == "auth_mount") return read_path(member, settings.auth_mount, problems);
  if (member.key == "namespace") return read_path(member, settings.name_space, problems);
  if (member.key == "timeout") return read_timeout(member, settings, problems);
  if (member.key == "secrets") return read_items(member, settings, problems);
  const std::string near = nearest(member.key, kKeys.data(), kKeys.size());
  problems.add(member.where, "unknown key \"" + quoted(member.key) + "\"" +
                                 (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
}

}  // namespace

std::optional<Settings> read_store(const Member& store, Problems& problems) {
  const Member* http = store.value.find("http");
  if (http == nullptr || http->value.kind != Value::Kind::kTable ||
      store.value.members.size() != 1) {
    problems.add(store.where, "store holds something else than http: write [store.http]");
    return std::nullopt;
  }
  Settings settings;
  for (const Member& member : http->value.members)
    read_member(member, settings, problems);
  for (const std::string_view key : {"address", "role_id", "secrets"}) {
    if (http->value.find(key) == nullptr) {
      problems.add(http->where, "[store.http] lacks " + std::string(key));
    }
  }
  return settings;
}

}  // namespace carrel::secrets
