#pragma once
// What an author expects of a profile, held against it: the test of a profile.

#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/model/profile.h"

namespace carrel::expect {

inline constexpr size_t kMaxCases = 1000;

enum class Question {
  kRead,        // "app/docs/a.md": a path of a repository
  kWrite,       // the same
  kConnect,     // "registry.example.org:443"
  kCredential,  // "ci"
  kForward,     // "3000"
};

/// One [[case]]: exactly one question, what is expected, and by which rule ("" for any).
struct Case {
  Question question = Question::kRead;
  std::string text;
  bool allowed = false;
  std::string rule;
  model::SourceLine where;
};

struct Answer {
  bool allowed = false;
  std::string rule;  // as in decide::rules_of
};

/// The cases of a TOML source of at most parse::kMaxSourceBytes; errors as parse::parse_profile.
Result<std::vector<Case>> parse_cases(std::string_view source, std::string_view file_name);

/// What the profile says to a question: paths by the same decisions as in a session, the others by
/// its tables. Pure.
Answer ask(const model::Profile& profile, Question question, std::string_view text);

/// Nothing where the answer is the expected one, else what it is instead, with the place of the
/// case.
std::string check(const model::Profile& profile, const Case& expected, std::string_view file_name);

}  // namespace carrel::expect
