#pragma once
// The command's own input and output: the master of its pty, or three pipes. Never blocks.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::session {

class TerminalPort {
 public:
  static constexpr size_t kChunk = size_t{32} << 10;
  /// More input than this waiting for a command that does not read: take no more from the client.
  static constexpr size_t kMaxInput = size_t{256} << 10;

  struct Output {
    UniqueFd fd;
    std::string_view stream;  // "pty" | "stdout" | "stderr"
    bool to_stderr = false;
    uint64_t again_ns = 0;  // a pty that nobody holds open is asked again from then on
  };

  /// Without a tty: the ends of three pipes.
  Status use_pipes(UniqueFd stdin_fd, UniqueFd stdout_fd, UniqueFd stderr_fd);
  /// With a tty: the master. An Error when it is no terminal.
  Status use_pty(UniqueFd master);

  /// At most kChunk bytes of one output. Nothing: none are there now, or it has ended (its
  /// descriptor is then closed, a pty's at the latest by finish()).
  std::optional<std::string> read(Output& output, uint64_t now_ns);
  [[nodiscard]] std::vector<Output>& outputs() { return outputs_; }
  [[nodiscard]] const std::vector<Output>& outputs() const { return outputs_; }
  /// No more writers: a pty without bytes is at its end now.
  void finish() { finishing_ = true; }
  [[nodiscard]] bool ended() const;

  /// Input for the command; dropped where it has closed its end. No byte of it is ever recorded.
  void write(std::string_view bytes);
  /// After the last input: a pipe is closed when it has taken all. A terminal stays.
  void end_input();
  /// Writes what the command takes.
  void flush();
  [[nodiscard]] int input_fd() const { return input_fd_; }
  [[nodiscard]] bool wants_write() const { return input_fd_ >= 0 && waiting_bytes() > 0; }
  [[nodiscard]] bool input_full() const { return waiting_bytes() > kMaxInput; }

  /// ioctl_tty(2), TIOCSWINSZ. Does nothing without a tty.
  Status resize(uint32_t columns, uint32_t rows) const;

 private:
  void end_output(Output& output, bool nothing_there, uint64_t now_ns);
  void close_input();
  [[nodiscard]] size_t waiting_bytes() const { return waiting_.size() - written_; }

  std::vector<Output> outputs_;
  UniqueFd stdin_;
  int master_fd_ = -1;  // of outputs_[0]
  int input_fd_ = -1;
  std::string waiting_;
  size_t written_ = 0;  // of waiting_
  bool input_ended_ = false;
  bool finishing_ = false;
};

}  // namespace carrel::session
