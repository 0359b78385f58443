#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/payloads/attacks/acts.h"

namespace carrel::attacks {
namespace {

using Known = std::map<std::string, long>;

/// The bytes that arguments point to; alive while the program is.
std::string* buffer_of(const std::string& hex) {
  auto* bytes = new std::string;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    *bytes += static_cast<char>(strtol(hex.substr(i, 2).c_str(), nullptr, 16));
  return bytes;
}

long argument_of(const std::string& word, const Known& known) {
  if (word[0] == 's' || word[0] == 'b')
    return reinterpret_cast<long>(buffer_of(word.substr(1))->data());
  if (word[0] == '$') return known.count(word) != 0 ? known.at(word) : -1;
  return static_cast<long>(strtoull(word.c_str(), nullptr, 10));
}

long call(const std::vector<std::string>& words, const Known& known) {
  std::array<long, 6> a{};
  for (size_t i = 2; i < words.size() && i < 8; ++i)
    a[i - 2] = argument_of(words[i], known);
  const long number = argument_of(words[1], known);
  const pid_t self = getpid();
  const long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const bool is_child = getpid() != self;
  if (is_child) syscall(SYS_exit_group, 0);
  return result;
}

void call_in_child(const std::vector<std::string>& words, const Known& known) {
  const pid_t child = fork();
  if (child == 0) {
    say_result(words[0].c_str(), call(words, known));
    syscall(SYS_exit_group, 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  if (!WIFSIGNALED(status)) return;
  say((words[0] + "\tSIG" + sigabbrev_np(WTERMSIG(status)) + "\n").c_str());
}

/// Without streams, which would double the program.
std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

void say(const char* word) {
  (void)!write(1, word, strlen(word));
}

void say_result(const char* name, long result) {
  const bool failed = result < 0 && result > -4096;
  const char* word = failed ? strerrorname_np(errno) : nullptr;
  const std::string text = word != nullptr ? word : std::to_string(failed ? -errno : result);
  say((std::string(name) + "\t" + text + "\n").c_str());
}

int run_calls() {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = read(0, part.data(), part.size()); got > 0;
       got = read(0, part.data(), part.size()))
    text.append(part.data(), static_cast<size_t>(got));
  Known known;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> words = split(line, '\t');
    if (words.size() < 2) continue;
    if (words[0][0] != '$') {
      call_in_child(words, known);
      continue;
    }
    known[words[0]] = call(words, known);
    say_result(words[0].c_str(), known[words[0]]);
  }
  return 0;
}

}  // namespace carrel::attacks
