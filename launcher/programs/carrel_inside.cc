// `carrel` inside a workspace: asks carrel-session, which is outside, and prints its answer.
// Static, without privilege of any kind.

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "launcher/inside/arguments.h"
#include "launcher/inside/visit.h"

namespace {

constexpr int kAnswerMs = 5000;

int print(int status, std::string_view text) {
  const int fd = status == 1 ? STDERR_FILENO : STDOUT_FILENO;
  while (!text.empty()) {
    const ssize_t wrote = write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    text.remove_prefix(static_cast<size_t>(wrote));
  }
  return status;
}

std::string why_no_answer(const carrel::Error& error) {
  switch (error.sys_errno) {
    case ENOENT:
      return "this is no workspace of carrel's";
    case EAGAIN:
    case ETIMEDOUT:
      return "no answer: too many ask at once; try again";
    case ECONNREFUSED:
    case EPIPE:
    case ECONNRESET:
      return "the session is ending and answers no more";
    default:
      return to_string(error);
  }
}

}  // namespace

int main(int count, char** arguments) {
  char folder[PATH_MAX] = "/";
  if (getcwd(folder, sizeof folder) == nullptr) folder[0] = '/', folder[1] = '\0';
  const std::vector<std::string_view> words(arguments + (count > 0 ? 1 : 0), arguments + count);
  const auto wish = carrel::inside::take_arguments(words, folder);
  if (const auto* said = std::get_if<carrel::inside::Words>(&wish)) {
    return print(said->status, said->text);
  }
  const auto answer = carrel::inside::ask(carrel::inside::kSocketPath,
                                          std::get<carrel::inside::Question>(wish), kAnswerMs);
  if (!answer.ok()) {
    return print(1, carrel::inside::printable("carrel: " + why_no_answer(answer.error()) + "\n"));
  }
  return print(answer.value().status, carrel::inside::printable(answer.value().text));
}
