#pragma once
// secrets.toml: where names of secrets are looked for. Pure.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/service/secret_store/settings.h"
#include "profiles/base/result.h"

namespace carrel::secrets {

/// A kind of place.
enum class Source : uint8_t { kFiles, kSystemd, kStore };

struct Config {
  /// Asked in this order; the first that has the name answers.
  std::vector<Source> sources = {Source::kFiles, Source::kSystemd};
  std::optional<secret_store::Settings> store;  // there if and only if kStore is in `sources`
  bool operator==(const Config&) const = default;
};

/// The text of a secrets.toml: `sources = ["files", "systemd", "store"]`, each at most once, at
/// least one, and [store.http] (store_config.h). Without `sources` a store is asked last.
/// Everything else is refused with its line: an unknown key, a store that no source names, and the
/// reverse.
Result<Config> parse_config(std::string_view text);

}  // namespace carrel::secrets
