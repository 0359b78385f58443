#pragma once
// What one profile allows that another does not: the question behind `extends` (a child may only
// narrow) and behind `carrel profile diff`. Pure.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/model/profile.h"

namespace carrel::compare {

/// On which keys a profile has spoken, by full name ("session.max_duration", "repository",
/// "repository.app.read"). A whole profile speaks of everything: what it does not grant it denies.
/// A part (a file that is only extended) leaves open what it does not name.
class Said {
 public:
  /// Of a whole profile.
  static Said everything() { return Said(true); }
  static Said nothing() { return Said(false); }
  void add(std::string name) { names_.insert(std::move(name)); }
  [[nodiscard]] bool has(std::string_view name) const {
    return everything_ || names_.find(name) != names_.end();
  }

 private:
  explicit Said(bool everything) : everything_(everything) {}
  bool everything_;
  std::set<std::string, std::less<>> names_;
};

enum class Way {
  kWider,  // allows more
  kOther,  // neither contains the other: another ref, another recording of keystrokes
};

/// One thing that `to` has and `from` denies.
struct Gain {
  std::string rule;     // of `from`, that denies it: "repository.app", "session.max_duration", …
  std::string words;    // what `to` says: "reads \"docs\" of repository \"app\""
  std::string instead;  // what `from` says, "" where it grants nothing: "at most 8h"
  model::SourceLine where;  // in `to`
  Way way = Way::kWider;
  bool operator==(const Gain&) const = default;
};

/// Everything that `to` allows and `from` denies, or says otherwise, as far as `from` has spoken.
/// Not counted: names, version, summary, statement, use and waivers, which grant nothing, and
/// whether a session that cannot be recorded freezes or ends. Never misses a gain; may see one
/// where entries of `from` together cover one of `to`.
std::vector<Gain> gains(const model::Profile& to, const model::Profile& from, const Said& said);

}  // namespace carrel::compare
