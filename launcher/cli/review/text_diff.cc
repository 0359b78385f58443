#include "launcher/cli/review/text_diff.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::review {
namespace {

constexpr const char* kDiff = "/usr/bin/diff";
constexpr rlim_t kProcessorSeconds = 30;
constexpr rlim_t kAddressSpace = rlim_t{3} << 30;

Result<UniqueFd> memory_file(std::string_view content) {
  UniqueFd file(memfd_create("carrel-diff", MFD_CLOEXEC));
  if (!file.valid()) return errno_error("memfd_create");
  while (!content.empty()) {
    const ssize_t put = write(file.get(), content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno_error("write a memfd");
    content.remove_prefix(static_cast<size_t>(put));
  }
  return file;
}

void limit(__rlimit_resource_t what, rlim_t most) {
  const rlimit limits{most, most};
  if (setrlimit(what, &limits) != 0) _exit(126);
}

/// After the fork: 1 the pipe, 3 and 4 the contents, nothing else. Never returns.
[[noreturn]] void become_diff(const char* const* arguments, int out_fd, int before_fd,
                              int after_fd) {
  const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int out = fcntl(out_fd, F_DUPFD_CLOEXEC, 16);
  const int before = fcntl(before_fd, F_DUPFD_CLOEXEC, 16);
  const int after = fcntl(after_fd, F_DUPFD_CLOEXEC, 16);
  if (null_fd < 0 || out < 0 || before < 0 || after < 0) _exit(126);
  if (dup2(null_fd, 0) < 0 || dup2(out, 1) < 0 || dup2(null_fd, 2) < 0 || dup2(before, 3) < 0 ||
      dup2(after, 4) < 0 || close_range(5, ~0U, 0) != 0) {
    _exit(126);
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CPU, kProcessorSeconds);
  limit(RLIMIT_AS, kAddressSpace);
  limit(RLIMIT_CORE, 0);
  const char* const environment[] = {"LC_ALL=C", nullptr};
  // execve takes non-const arrays for historical reasons and does not write to them.
  execve(kDiff, const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
  _exit(127);
}

Status read_lines(int fd, const std::function<void(std::string_view)>& line) {
  std::string rest;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read from diff");
    if (got == 0) break;
    std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      rest += bytes.substr(0, end);
      line(rest);
      rest.clear();
      bytes.remove_prefix(end + 1);
    }
    rest += bytes;
  }
  if (!rest.empty()) line(rest);
  return Done{};
}

/// 0 and 1 are diff's answers, anything else its failure.
Status wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno_error("wait for diff");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return Done{};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return Error{std::string("run ") + kDiff + ": is the package diffutils installed?"};
  return Error{WIFSIGNALED(status) ? "diff was ended: it took too long" : "diff failed"};
}

}  // namespace

bool is_binary(std::string_view bytes) {
  const bool utf8 = is_utf8(bytes);
  size_t odd = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return true;
    const bool space = byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
    if ((byte < 0x20 && !space) || byte == 0x7F || (byte >= 0x80 && !utf8)) ++odd;
  }
  return odd > bytes.size() * 3 / 10;
}

Status unified_diff(const Side& before, const Side& after,
                    const std::function<void(std::string_view)>& line) {
  ASSIGN_OR_RETURN(const UniqueFd before_file, memory_file(before.content));
  ASSIGN_OR_RETURN(const UniqueFd after_file, memory_file(after.content));
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const std::array<const char*, 10> arguments = {"diff",
                                                 "-a",
                                                 "-u",
                                                 "--label",
                                                 before.label.c_str(),
                                                 "--label",
                                                 after.label.c_str(),
                                                 "/proc/self/fd/3",
                                                 "/proc/self/fd/4",
                                                 nullptr};
  const pid_t child = fork();
  if (child < 0) return errno_error("fork");
  if (child == 0)
    become_diff(arguments.data(), write_end.get(), before_file.get(), after_file.get());
  write_end.reset();
  const Status read = read_lines(read_end.get(), line);
  const Status ended = wait_for(child);
  return read.ok() ? ended : read;
}

}  // namespace carrel::review
