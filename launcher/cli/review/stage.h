#pragma once
// The reviewer's terminal as a stage for the player: keys, signals, size, and everything as it was
// on every way out.

#include <memory>

#include "broker/record/replay/player.h"
#include "profiles/base/result.h"

namespace carrel::review {

class TerminalStage {
 public:
  /// Takes the alternate screen of `out_fd` and, where `in_fd` is a terminal, its keys. Signals
  /// that end a program are held back while this lives. Descriptors are borrowed. One thread.
  static Result<std::unique_ptr<TerminalStage>> enter(int in_fd, int out_fd);
  TerminalStage(const TerminalStage&) = delete;
  TerminalStage& operator=(const TerminalStage&) = delete;
  ~TerminalStage();

  /// Functions that refer to this.
  replay::Stage stage();
  /// Gives the terminal back; later calls do nothing.
  void leave();
  /// The signal that asked to end, 0 for none.
  [[nodiscard]] int signal() const;

 private:
  struct State;
  explicit TerminalStage(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carrel::review
