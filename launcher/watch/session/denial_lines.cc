#include "launcher/watch/session/denial_lines.h"

#include <string_view>
#include <type_traits>
#include <variant>

#include "profiles/base/text.h"
#include "profiles/decide/rules.h"

namespace carrel::session {
namespace {

constexpr size_t kMaxShown = 256;  // bytes of a path or an address

/// What the event is about; "" for types that no rule denies.
struct ObjectOf {
  std::string operator()(const events::FileRename& data) const { return data.from; }
  std::string operator()(const events::ProcessRefused& data) const { return data.call; }
  std::string operator()(const events::NetConnect& data) const {
    return data.port == 0 ? data.address : data.address + " port " + std::to_string(data.port);
  }
  template <typename Data>
  std::string operator()(const Data& data) const {
    if constexpr (requires { data.path; }) return data.path;
    return "";
  }
};

}  // namespace

DenialLines::DenialLines(const model::Profile& profile) {
  for (decide::DecideRule& rule : decide::rules_of(profile))
    words_[rule.id] = std::move(rule.words);
}

std::optional<std::string> DenialLines::line(const events::Event& event) {
  if (event.verdict != events::Verdict::kDenied || said_.size() > kMostLines) return std::nullopt;
  const std::string object = std::visit(ObjectOf{}, event.data);
  if (!said_.insert(event.rule + '\0' + object).second) return std::nullopt;
  if (said_.size() > kMostLines) return "carrel: more was denied; the record has it all.\n";
  const auto words = words_.find(event.rule);
  return "carrel: denied: " + std::string(events::type_name(event.data)) + " " +
         quoted(std::string_view(object).substr(0, kMaxShown)) + ": " +
         (words == words_.end() ? "" : words->second + " ") + "(" + quoted(event.rule) + ")\n";
}

}  // namespace carrel::session
