#include "broker/service/secrets/sources.h"

#include <array>
#include <cerrno>
#include <optional>

#include "broker/service/secrets/names.h"
#include "profiles/base/text.h"

namespace carrel::secrets {
namespace {

constexpr std::string_view kConfigName = "secrets.toml";

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

/// ENOENT where none of them has it; `looked` says where that was.
Result<Secret> Sources::look(std::span<const Source> sources, const std::string& file,
                             std::string* looked) const {
  const Folder files{folder_.get(), "secrets/ of the state folder"};
  const Folder unit{credentials_.get(), "the service's systemd credentials"};
  for (const Source source : sources) {
    const Folder& folder = source == Source::kFiles ? files : unit;
    if (source == Source::kStore || folder.fd < 0) continue;
    Result<Secret> found = read_secret_file(folder, file);
    if (found.ok() || found.error().sys_errno != ENOENT) return found;
    *looked += (looked->empty() ? "" : " nor in ") + folder.words;
  }
  return Error{"there is no file " + file, ENOENT};
}

Result<Found> Sources::find(std::string_view from) const {
  const std::optional<std::string> file = file_of(from);
  if (!file.has_value()) return Error{quoted(from) + " names no secret"};
  ASSIGN_OR_RETURN(const Config config,
                   read_config({folder_.get(), "secrets/ of the state folder"}));
  std::string looked;
  const bool in_store = config.store.has_value() && from.starts_with("secret:");
  for (const Source& source : config.sources) {
    if (source == Source::kStore) {
      if (!in_store) continue;
      const auto item = config.store->items.find(*file);
      if (item != config.store->items.end()) return Found{Secret(), item->second, config.store};
      continue;
    }
    Result<Secret> found = look({&source, 1}, *file, &looked);
    if (found.ok()) return Found{found.take(), std::nullopt, std::nullopt};
    if (found.error().sys_errno != ENOENT) return found.take_error();
  }
  return Error{quoted(from) + ": there is no file " + *file + " in " +
               (looked.empty() ? "any source that secrets.toml names" : looked) +
               (in_store ? ", and [store.http.secrets] does not list it" : "") +
               ": the admin has to put the secret there (mode 0600)"};
}

Result<Secret> Sources::own_file(const std::string& name) const {
  constexpr std::array<Source, 2> kPlaces = {Source::kFiles, Source::kSystemd};
  std::string looked;
  Result<Secret> found = look(kPlaces, name, &looked);
  if (found.ok() || found.error().sys_errno != ENOENT) return found;
  return Error{"[store.http] needs the file " + name + ", which is not in " + looked +
               ": the admin has to put it there (mode 0600)"};
}

Result<std::optional<secret_store::Settings>> Sources::store() const {
  ASSIGN_OR_RETURN(const Config config,
                   read_config({folder_.get(), "secrets/ of the state folder"}));
  return config.store;
}

}  // namespace carrel::secrets
