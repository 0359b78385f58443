#pragma once
// What the comparisons of single tables share.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profiles/base/text.h"
#include "profiles/compare/compare.h"

namespace carrel::compare {

/// Gathers gains; what `from` has not spoken of is none.
class Collector {
 public:
  explicit Collector(const Said& said) : said_(said) {}

  [[nodiscard]] bool said(std::string_view name) const { return said_.has(name); }
  void add(Gain gain) { gains_.push_back(std::move(gain)); }
  /// A gain if `is_gain` and `from` has spoken of the rule.
  void check(bool is_gain, Gain gain) {
    if (is_gain && said(gain.rule)) add(std::move(gain));
  }
  std::vector<Gain> take() { return std::move(gains_); }

 private:
  const Said& said_;
  std::vector<Gain> gains_;
};

inline std::string named(std::string_view text) {
  return '"' + quoted(text) + '"';
}

/// The element of a list that has this key, or null.
template <typename List, typename Key>
const typename List::value_type* find_by(const List& list, const Key& key, const auto& key_of) {
  for (const auto& item : list) {
    if (key_of(item) == key) return &item;
  }
  return nullptr;
}

void compare_purpose(const model::Purpose& to, const model::Purpose& from, Collector& out);
void compare_session(const model::SessionRules& to, const model::SessionRules& from,
                     Collector& out);
void compare_limits(const model::Limits& to, const model::Limits& from, Collector& out);
void compare_retention(const model::Retention& to, const model::Retention& from, Collector& out);
void compare_toolchain(const model::Toolchain& to, const model::Toolchain& from, Collector& out);
void compare_repositories(const model::Profile& to, const model::Profile& from, Collector& out);
void compare_networks(const model::Profile& to, const model::Profile& from, Collector& out);
void compare_credentials(const model::Profile& to, const model::Profile& from, Collector& out);
void compare_interfaces(const model::Profile& to, const model::Profile& from, Collector& out);
void compare_forwards(const model::Profile& to, const model::Profile& from, Collector& out);

/// Every text of `to` that `from` does not have, as "a", "b"; "" for none.
std::string texts_beyond(const std::vector<model::TextEntry>& to,
                         const std::vector<model::TextEntry>& from);

}  // namespace carrel::compare
