// carrel-work: the verbs over running work.

#include <cstdio>
#include <string>
#include <vector>

#include "launcher/cli/work/work.h"

int main(int count, char** arguments) {
  const int code = carrel::work::run_work(
      std::vector<std::string>(arguments + (count > 0 ? 1 : 0), arguments + count),
      {stdout, stderr});
  // An answer that did not arrive whole is none: a full disk must not look like success.
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return code;
  fputs("carrel: writing the answer failed\n", stderr);
  return 1;
}
