// carrel-review: the verbs that look back at sessions.

#include <cstdio>
#include <string>
#include <vector>

#include "launcher/cli/review/review.h"

int main(int count, char** arguments) {
  const int code = carrel::review::run_review(
      std::vector<std::string>(arguments + (count > 0 ? 1 : 0), arguments + count),
      {stdout, stderr});
  // An answer that did not arrive whole is none: a full disk must not look like success.
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return code;
  fputs("carrel: writing the answer failed\n", stderr);
  return carrel::review::kFailed;
}
