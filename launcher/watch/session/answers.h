#pragma once
// The session's answers to what is asked from inside, in words. Pure: everything they tell is
// passed in, everything somebody wrote is escaped.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/inside/message.h"
#include "launcher/watch/session/denials.h"
#include "launcher/watch/session/judge.h"
#include "launcher/watch/session/limit_watch.h"

namespace carrel::session {

/// What only the running session knows.
struct LiveFacts {
  uint64_t running_s = 0;
  /// What ends it, each with what is left of it; the first is the one that comes first.
  std::vector<std::pair<std::string, uint64_t>> left_s;
  LimitReading reading;
  std::vector<std::string> credentials;  // that are granted on request
};

class Answers {
 public:
  /// References outlive this.
  Answers(const protocol::SessionConfig& config, const model::Profile& profile,
          const Denials& denials, const Judge& judge, const LimitWatch& limits)
      : config_(config), profile_(profile), denials_(denials), judge_(judge), limits_(limits) {}

  /// Exit status 0: told, or allowed; 1: not understood; 2: something of it is denied.
  [[nodiscard]] inside::Answer answer(const inside::Question& question,
                                      const LiveFacts& facts) const;

 private:
  [[nodiscard]] inside::Answer status(const LiveFacts& facts) const;
  [[nodiscard]] std::string limits_text(const LimitReading& reading) const;
  [[nodiscard]] inside::Answer last_denials() const;
  [[nodiscard]] inside::Answer about_path(std::string_view path) const;
  [[nodiscard]] inside::Answer about_address(std::string_view address,
                                             const LiveFacts& facts) const;
  [[nodiscard]] inside::Answer about_git(std::string_view subject) const;
  [[nodiscard]] std::string line_of(std::string_view what, const decide::Decision& decision) const;

  const protocol::SessionConfig& config_;
  const model::Profile& profile_;
  const Denials& denials_;
  const Judge& judge_;
  const LimitWatch& limits_;
};

}  // namespace carrel::session
