// carrel-ssh: the way of ssh clients to running sessions.

#include <cstdio>
#include <string>
#include <vector>

#include "launcher/cli/ssh/ssh.h"

int main(int count, char** arguments) {
  const int code = carrel::ssh_cli::run_ssh(
      std::vector<std::string>(arguments + (count > 0 ? 1 : 0), arguments + count),
      {stdout, stderr});
  // A configuration that was not written whole is none.
  if (fflush(stdout) == 0 && ferror(stdout) == 0) return code;
  fputs("carrel: writing the answer failed\n", stderr);
  return carrel::ssh_cli::kBroken;
}
