#pragma once
// What was denied, for the person it was denied to: one line at once for each rule that denied
// something, and the last denials for when they ask. Pure, and bounded: a program that tries a
// thousand times fills neither screen nor memory.

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "broker/record/events/event.h"
#include "broker/wire/protocol/messages.pb.h"
#include "profiles/model/profile.h"

namespace carrel::session {

/// One denial as it is kept for the asker. Paths are cut; nothing here is escaped yet.
struct Denial {
  uint64_t real_ns = 0;  // of the last time
  std::string type;
  std::string object;
  int32_t error = 0;
  std::string rule;
  uint64_t times = 1;
  bool by_git = false;
  std::string request;  // the line that asks for it; "" where asking so cannot help
};

class Denials {
 public:
  static constexpr size_t kMostLines = 10;
  static constexpr size_t kMostKept = 20;
  static constexpr size_t kMaxObject = 256;  // bytes of a path or an address

  Denials(const protocol::SessionSpec& spec, const model::Profile& profile);

  static constexpr size_t kMostBudgets = 256;  // lines about budgets
  static constexpr size_t kMostFlows = 4096;   // whose port is known; the gateway has a quarter

  /// Of every event. Remembers it where it is a denial; it happened at `real_ns`. The line to show,
  /// with its line feed: for the first one by its rule. After kMostLines of them one last line. Of
  /// a network budget that is nearly or all used: a line each time that is new.
  std::optional<std::string> take(const events::Event& event, uint64_t real_ns);

  /// The rule in words, with its id and line: "…words. (repository.app, fix.toml line 8)".
  [[nodiscard]] std::string rule_text(std::string_view rule) const;
  /// The same without the words: "(repository.app, fix.toml line 8)".
  [[nodiscard]] std::string place_of(std::string_view rule) const;
  /// "To ask for it: carrel request network …", or whom to ask where there is no such line.
  [[nodiscard]] std::string how_to_ask(const std::string& request) const;
  /// "Ask whoever grants task local/fix."
  [[nodiscard]] std::string whom_to_ask() const;
  /// The different ones of late, oldest first.
  [[nodiscard]] const std::deque<Denial>& kept() const { return kept_; }
  [[nodiscard]] uint64_t count() const { return count_; }

 private:
  struct Rule {
    std::string words;
    uint32_t line = 0;
  };
  void keep(Denial denial);
  void note_port(const events::Event& event);
  std::optional<std::string> budget_line(const events::Event& event,
                                         const events::NetBudget& budget);

  [[nodiscard]] std::string request_for(const events::Event& event) const;

  std::string task_, profile_path_;
  bool has_way_out_;                               // more of it can be asked for
  std::map<std::string, std::string> on_request_;  // by host: the credential to ask for
  std::map<uint64_t, uint16_t> ports_;             // by connection, of those that are open
  std::map<std::string, Rule, std::less<>> rules_;
  std::set<std::string> said_, budgets_;
  std::deque<Denial> kept_;
  uint64_t count_ = 0;
};

}  // namespace carrel::session
