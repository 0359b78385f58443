#pragma once
// What is allowed in a profile but worth a second look before it is granted.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"

namespace carrel::lint {

/// kNote: as intended, perhaps. kWarning: should be changed or be known. kDanger: gives away what a
/// profile is there to keep.
enum class Grade { kNote, kWarning, kDanger };

struct Finding {
  Grade grade = Grade::kNote;
  model::SourceLine where;  // line 0: of something that is not written
  std::string rule;         // what it is about, as in decide::rules_of
  std::string words;        // what was found, why it matters, what to write instead
  bool operator==(const Finding&) const = default;
};

std::string_view word_of(Grade grade);

/// Findings in the order of the source. Advice to write a key is left out where `is_supported`
/// says that this program would refuse it. Pure.
std::vector<Finding> lint(const model::Profile& profile,
                          const std::function<bool(std::string_view key)>& is_supported);

/// Why a path of a repository should not lightly be granted, or "": secrets, signing, build
/// definitions and rules of review, by the names that they usually have.
std::string_view sensitive_read(std::string_view path);
std::string_view sensitive_write(std::string_view path);

}  // namespace carrel::lint
