#pragma once
// Which refs a push changes: the front of a POST git-receive-pack (gitprotocol-pack(5), "Pushing
// Data To a Server"), read up to its pack and decided before any of it passes. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/gateway/http/refusal.h"

namespace carrel::gateway::http {

inline constexpr size_t kMaxPushCommands = 16;
inline constexpr size_t kMaxPushShallows = 256;
inline constexpr size_t kMaxPushFront = size_t{64} * 1024;  // bytes before the pack

/// One ref that is made or moved. Whether it moves forward only is not to be seen from here.
struct PushCommand {
  std::string before;  // object ids; all zeros: the ref is made
  std::string after;
  std::string ref;
  bool operator==(const PushCommand&) const = default;
};

/// Usage: add() content as it comes and hold it back while kMore; on kAllowed send front() on, and
/// the rest of the body as it comes; on kDenied nothing. end() where the body ended.
class PushJudge {
 public:
  enum class State { kMore, kAllowed, kDenied };

  /// Globs of refs that may change, from the rule. None: no ref may.
  explicit PushJudge(std::vector<std::string> refs);

  /// Denied ("git-packet", "git-push-line", "git-push-options", "git-push-commands",
  /// "git-push-delete", "git-push-tag", "git-push-ref"): deletions, refs that no glob names, the
  /// same ref twice, more than 16 commands, push options and certificates, and what is no pack
  /// behind them.
  State add(std::string_view content);

  /// Without a pack only the probe passes that git sends before a large push: one flush packet.
  State end();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }
  /// Everything that was added so far.
  [[nodiscard]] const std::string& front() const { return front_; }
  [[nodiscard]] const std::vector<PushCommand>& commands() const { return commands_; }

 private:
  State deny(Refusal refusal);
  State read_packets();
  State read_pack();
  State read_line(std::string_view text);
  State read_command(std::string_view text);

  std::vector<std::string> refs_;
  std::string front_;
  size_t at_ = 0;  // what of it is read
  bool flushed_ = false;
  size_t shallows_ = 0;
  std::vector<PushCommand> commands_;
  State state_ = State::kMore;
  Refusal refusal_;
};

/// Whether a glob names a ref: components match one by one, "*" stands for any run of characters in
/// one, a last "**" for one or more components. The first two (refs/heads) must be written out: a
/// glob for branches never names a tag.
bool names_ref(std::string_view glob, std::string_view ref);

/// A full name as git-check-ref-format(1) has it, at most 255 bytes, visible ASCII.
bool is_ref(std::string_view text);

}  // namespace carrel::gateway::http
