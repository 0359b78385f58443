#pragma once
// When each credential of a session is asked for: once at the start, then at half of its life for
// as long as the session runs. Pure: the clock is passed in, seconds since 1970.

#include <cstdint>
#include <map>
#include <optional>
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
  /// True when every credential has been there once.
  [[nodiscard]] bool complete() const;
  /// When due() has something next; nothing while answers are outstanding or nothing is held.
  [[nodiscard]] std::optional<uint64_t> next_due_s() const;
  /// The leases that are held, by name. Nothing is due any more.
  std::vector<Lease> end();

 private:
  struct Slot {
    std::optional<Lease> held;
    bool asked = false;
    uint64_t again_s = 0;  // after a refusal: when it is asked for again; 0: it was not refused
    [[nodiscard]] uint64_t due_s() const;
  };
  std::map<std::string, Slot> slots_;
};

}  // namespace carrel::session
