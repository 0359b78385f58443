#pragma once
// One pure function answers every request to the broker: may this person do this to that session?

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "broker/service/store/catalogue.h"

namespace carrel::people {

enum class Action {
  kOpen,
  kList,
  kReview,
  kVerify,
  kClose,
  kPause,
  kResume,
  kCreateTask,
  kEndTask,
  kGrant,  // to a session, more than its profile
};
std::string_view to_word(Action action);

/// A person without any role is a contractor: they have their own sessions.
enum class Role { kReviewer, kOperator, kAdmin };
std::string_view to_word(Role role);
std::optional<Role> role_from(std::string_view word);

/// Who asks: the uid that the kernel vouches for (SO_PEERCRED, unix(7)) and whom it is registered
/// as.
struct Actor {
  uid_t peer_uid = 0;
  std::optional<store::Person> person;
  std::set<Role> roles;
};

/// What it is about: a session's person and their organisation; "" where it is nobody's own. For
/// kOpen: who the session will belong to.
struct Subject {
  std::string person;
  std::string organisation;
  std::string paused_by;  // for kResume: who paused it
  /// For kGrant: the machine is one person's own, who asks and decides.
  bool alone = false;
};

struct Decision {
  bool allowed = false;
  std::string reason;  // why, in words for the person
  /// Set where the table allows what an independent person should rather do.
  std::string conflict;
};

/// The table (docs/architecture.md, "People and rights"); whatever it does not allow is refused.
Decision may(const Actor& actor, Action action, const Subject& subject);

}  // namespace carrel::people
