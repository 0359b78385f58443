#pragma once
// The acts of the hostile payload. Static, raw system calls: nothing of the workspace's libraries
// stands between an act and the kernel. Each returns the exit status.

namespace carrel::attacks {

/// Carries out the calls on standard input, one a line: "name TAB number TAB argument…". An
/// argument is a decimal number, "s" and the hex of a string, "b" and the hex of a buffer, or
/// "$name", what an earlier line gave. Writes "name TAB result" a line: a number, an errno's name,
/// or the signal that the call died of. A name that begins with "$" is carried out in this process
/// and remembered; every other in a child of its own.
int run_calls();

/// Says a word on standard output at once.
void say(const char* word);
void say_result(const char* name, long result);

int call_by_int80();
int fork_until_refused();
int eat_memory();
int survive();
int stop_everything();
int flood_opens(int count);
int dig_folders(int depth);
int forge_unlink(const char* path);
int trace_own_child();
int watch_by_listener();
int execute_from_thread(const char* path);
int execute_by_vfork(const char* path);
int execute_raw(const char* path, const char* argument);

}  // namespace carrel::attacks
