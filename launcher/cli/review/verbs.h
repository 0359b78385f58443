#pragma once
// What the reviewing verbs do once the broker has handed out a record: each reads the record's
// bytes alone and writes to the streams it is given. The catalogue's row is an index, never the
// source of what a record says itself. Returned: exit codes of interfaces.md 1.

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "broker/record/replay/pace.h"
#include "broker/record/verify/verify.h"
#include "broker/wire/protocol/messages.pb.h"
#include "launcher/cli/review/arguments.h"

namespace carrel::review {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kNotFound = 2;

/// One session to look at; the descriptor is the record's directory, borrowed.
struct Subject {
  protocol::SessionRow row;
  int record_dir_fd = -1;
};

/// Answers go to `out`, everything else to `err`.
struct Output {
  std::FILE* out = nullptr;
  std::FILE* err = nullptr;
};

void print(std::FILE* to, std::string_view text);

/// The list, newest first, as a table or as one JSON array.
int list_sessions(const std::vector<protocol::SessionRow>& rows, Shape shape, Output output);

/// One page that says who, what, how it ended, what was denied and what changed.
int show(const Subject& subject, Shape shape, Output output);

struct EventFilter {
  std::string kind;                        // "": all
  std::optional<events::Verdict> verdict;  // none: all
};
/// The events that pass the filter, one a line.
int list_events(const Subject& subject, const EventFilter& filter, Format format, Output output);

enum class Colour { kNo, kYes };
/// What changed in the working trees, as unified differences. `path` limits it to one file or
/// folder: as seen inside, or relative to /workspaces; "" is everything.
int diff(const Subject& subject, const std::string& path, Colour colour, Output output);

/// What it did on the network: where to, how much, by whom, and what was denied.
int net(const Subject& subject, Shape shape, Output output);

/// Verifies against `policy`; says where the policy came from.
int verify_session(const Subject& subject, const std::optional<evidence::TrustPolicy>& policy,
                   verify::PolicySource source, Shape shape, Output output);

/// The session as plain text.
int replay_text(const Subject& subject, const std::string& channel, Output output);
/// The session in its own time on the caller's terminal (standard input and output).
int replay_live(const Subject& subject, const replay::Pace& pace, const std::string& channel,
                Output output);

}  // namespace carrel::review
