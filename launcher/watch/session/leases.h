#pragma once
// When each credential of a session is asked for: once at the start, or when it is granted, then at
// half of its life for as long as the session runs or the grant lasts. Pure: the clock is passed
// in, seconds since 1970.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::session {

/// One issued credential. Times in seconds since 1970.
struct Lease {
  std::string name;
  std::string id;
  std::string audience;
  uint64_t issued = 0;
  uint64_t not_after = 0;
  std::string kind = {};  // as profiles spell it; "" is a jwt
  bool operator==(const Lease&) const = default;
};

class Leases {
 public:
  explicit Leases(const std::vector<std::string>& names);

  struct Ask {
    std::string name;
    bool renewal = false;
    bool again = false;  // though what is held lasts: ask_again()
    bool operator==(const Ask&) const = default;
  };
  /// What is to be asked for now. Each is answered once; it comes again when the answer has come
  /// and half of that lease's life has passed.
  std::vector<Ask> due(uint64_t now_s);
  /// An answer. An Error for a name that was not asked for, or an answer to another question.
  Status take(Lease lease, bool renewal);
  /// An answer that there is none now. An Error, with `why`, when there was none before or the one
  /// that is held has ended; until then it is asked for again every few seconds. An Error for a
  /// name that was not asked for as well.
  Status refuse(const std::string& name, const std::string& why, uint64_t now_s);
  /// What is held is asked for again, now: whom it was given to has lost it.
  void ask_again(const std::string& name);
  /// One more, until then: it is due at once, and not renewed when it lasts as long.
  void grant(const std::string& name, uint64_t until_s);
  /// It is granted no longer; the lease that is held of it. An answer that is still out is for
  /// drop_late(), and nothing of that name is asked for before.
  std::optional<Lease> end(const std::string& name);
  /// Whether this is the answer to what was asked for under a grant that has ended; once.
  bool drop_late(const std::string& name) { return late_.erase(name) != 0; }
  /// Whether it is there under a grant.
  [[nodiscard]] bool is_granted(const std::string& name) const;
  /// True when every credential has been there once.
  [[nodiscard]] bool complete() const;
  /// When due() has something next; nothing while answers are outstanding or nothing is held.
  [[nodiscard]] std::optional<uint64_t> next_due_s() const;
  /// The leases that are held, by name.
  [[nodiscard]] std::vector<Lease> held() const;
  /// The same. Nothing is due any more.
  std::vector<Lease> end();

 private:
  struct Slot {
    std::optional<Lease> held;
    bool asked = false;
    uint64_t again_s = 0;  // after a refusal: when it is asked for again; 0: it was not refused
    uint64_t until_s = 0;  // of a grant; 0: it needs none
    bool again = false;    // it is to be asked for, whatever is held
    /// Nothing comes after what is held.
    [[nodiscard]] bool is_last() const;
    [[nodiscard]] uint64_t due_s() const;
  };
  std::map<std::string, Slot> slots_;
  std::set<std::string> late_;  // whose answer is still out, though their grant has ended
};

}  // namespace carrel::session
