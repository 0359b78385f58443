#include "launcher/cli/open/agreement.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "profiles/base/text.h"

namespace carrel::open {
namespace {

constexpr std::string_view kAnswer = "I agree";

/// Byte by byte: what follows is the command's.
std::string read_line() {
  std::string line;
  char byte = 0;
  while (line.size() < 200) {
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || byte == '\n') break;
    line += byte;
  }
  return line;
}

}  // namespace

std::string safe_lines(const std::string& text) {
  std::string out;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    out += (start == 0 ? "" : "\n") + quoted(text.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

Status accept_agreement(const protocol::AgreementNeeded& needed, bool tty,
                        protocol::OpenRequest& request) {
  const std::string what =
      "the agreement " + quoted(needed.file()) + ", version " + std::to_string(needed.version());
  const std::string digest = quoted(needed.text_sha256());
  if (!tty) {
    return Error{"task " + quoted(needed.task()) + " needs " + what +
                 " to be accepted first: open it on a terminal, or read it and give "
                 "--accept-agreement " +
                 digest};
  }
  fprintf(stderr,
          "carrel: task %s needs %s to be accepted:\n\n%s\n\ncarrel: SHA-256 of the text: %s\n"
          "carrel: type \"I agree\" to accept it (recorded with your name): ",
          quoted(needed.task()).c_str(), what.c_str(), safe_lines(request.agreement_text()).c_str(),
          digest.c_str());
  const std::string answer = read_line();
  if (answer != kAnswer) return Error{what + " was not accepted; nothing was opened"};
  request.set_accept_sha256(needed.text_sha256());
  request.set_accept_how("typed");
  request.set_accept_answer(answer);
  return Done{};
}

}  // namespace carrel::open
