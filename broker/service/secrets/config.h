#pragma once
// secrets.toml: where names of secrets are looked for. Pure.

#include <cstdint>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::secrets {

/// A kind of place.
enum class Source : uint8_t { kFiles, kSystemd };

struct Config {
  /// Asked in this order; the first that has the name answers.
  std::vector<Source> sources = {Source::kFiles, Source::kSystemd};
  bool operator==(const Config&) const = default;
};

/// The text of a secrets.toml: `sources = ["files", "systemd"]`, each at most once, at least one.
/// Everything else is refused with its line: an unknown key, and [store.http], which is not
/// supported yet.
Result<Config> parse_config(std::string_view text);

}  // namespace carrel::secrets
