#pragma once
// The words of the verbs over running work as values.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::work {

enum class Verb { kList, kStatus, kClose, kPause, kResume };
enum class Shape { kText, kJson };

struct WorkArguments {
  Verb verb = Verb::kList;
  bool help = false;
  std::string state;    // --state, "" when not given
  std::string session;  // a full id, a prefix of it, "last", or "" for all
  Shape shape = Shape::kText;
  std::string reason;
  bool now = false;
};

std::optional<Verb> verb_from(std::string_view word);
std::string_view verb_name(Verb verb);

/// Parses the words after the verb; an Error is a usage error (exit 1) in one sentence.
Result<WorkArguments> parse_arguments(Verb verb, const std::vector<std::string>& words);

/// The text of `carrel VERB --help`.
std::string help_text(Verb verb);

}  // namespace carrel::work
