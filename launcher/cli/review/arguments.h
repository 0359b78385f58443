#pragma once
// The words of the reviewing verbs as values.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/events/event.h"
#include "broker/record/replay/pace.h"
#include "profiles/base/result.h"

namespace carrel::review {

enum class Verb { kSessions, kShow, kEvents, kReplay, kDiff, kNet, kVerify };
enum class Shape { kText, kJson };
enum class Format { kTable, kJsonl };
enum class ReplayAs { kScreen, kText };

struct ReviewArguments {
  Verb verb = Verb::kSessions;
  bool help = false;
  std::string state;    // --state, "" when not given
  std::string session;  // a full id, a prefix of it, or "last"
  Shape shape = Shape::kText;
  std::string kind;
  std::optional<events::Verdict> verdict;
  Format format = Format::kTable;
  replay::Pace pace;
  ReplayAs replay_as = ReplayAs::kScreen;
  std::string terminal;  // of replay: "" the first, else the number of one that was attached
  std::string path;      // of diff
  std::string policy;    // of verify: a file, "" for the state folder's own
};

/// "sessions" and so on; nothing for a word that is none of them.
std::optional<Verb> verb_from(std::string_view word);
std::string_view verb_name(Verb verb);

/// Parses the words after the verb; an Error is a usage error (exit 1) in one sentence.
Result<ReviewArguments> parse_arguments(Verb verb, const std::vector<std::string>& words);

/// The text of `carrel VERB --help`.
std::string help_text(Verb verb);

}  // namespace carrel::review
