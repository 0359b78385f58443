#include "broker/service/secrets/sources.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "broker/service/secrets/config.h"
#include "profiles/base/text.h"

namespace carrel::secrets {
namespace {

constexpr std::string_view kConfigName = "secrets.toml";
constexpr size_t kMaxName = 63;

/// As names are spelt in profiles: never a path, never secrets.toml.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && text[0] != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::optional<std::string> file_of(std::string_view from) {
  for (const auto& [prefix, before] :
       {std::pair{std::string_view("secret:"), ""}, std::pair{std::string_view("ca:"), "ca."}}) {
    if (!from.starts_with(prefix)) continue;
    const std::string_view name = from.substr(prefix.size());
    if (is_name(name)) return before + std::string(name);
  }
  return std::nullopt;
}

/// What is not set up says nothing.
Result<Config> read_config(const Folder& folder) {
  const Result<Secret> text = read_secret_file(folder, std::string(kConfigName));
  if (text.ok()) return parse_config(text.value().expose());
  if (text.error().sys_errno == ENOENT) return Config{};
  return text.error();
}

}  // namespace

Result<Secret> Sources::value_of(std::string_view from) const {
  const std::optional<std::string> file = file_of(from);
  if (!file.has_value()) return Error{quoted(from) + " names no secret"};
  const Folder files{folder_.get(), "secrets/ of the state folder"};
  const Folder unit{credentials_.get(), "the service's systemd credentials"};
  ASSIGN_OR_RETURN(const Config config, read_config(files));
  std::string looked;
  for (const Source source : config.sources) {
    const Folder& folder = source == Source::kFiles ? files : unit;
    if (folder.fd < 0) continue;
    Result<Secret> found = read_secret_file(folder, *file);
    if (found.ok() || found.error().sys_errno != ENOENT) return found;
    looked += (looked.empty() ? "" : " nor in ") + folder.words;
  }
  return Error{quoted(from) + ": there is no file " + *file + " in " +
               (looked.empty() ? "any source that secrets.toml names" : looked) +
               ": the admin has to put the secret there (mode 0600)"};
}

}  // namespace carrel::secrets
