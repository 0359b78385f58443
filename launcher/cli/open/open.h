#pragma once
// `carrel open`: opens a recorded workspace from a profile and works in it until its command ends.

#include <string>
#include <vector>

namespace carrel::open {

/// `carrel attach`: a further terminal or command at a session that runs. The exit code is that of
/// its command, else as of `open`.
int run_attach(const std::vector<std::string>& words);

/// Runs the verb; `arguments` are the words after `open`. Returns the exit code of interfaces.md 1.
/// Stdout holds only the command's bytes; Carrel's own lines go to stderr. One thread.
int run_open(const std::vector<std::string>& arguments);

}  // namespace carrel::open
