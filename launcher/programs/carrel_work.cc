// carrel-work: the verbs over running work, and `carrel token`.

#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "launcher/cli/token/token.h"
#include "launcher/cli/work/work.h"

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + (count > 0 ? 1 : 0), arguments + count);
  if (!words.empty() && words.front() == "token") {
    return carrel::token::run_token({words.begin() + 1, words.end()},
                                    {STDIN_FILENO, STDOUT_FILENO, stderr});
  }
  const int code = carrel::work::run_work(words, {stdout, stderr});
  // An answer that did not arrive whole is none: a full disk must not look like success.
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return code;
  fputs("carrel: writing the answer failed\n", stderr);
  return 1;
}
