// Connects as it is asked to, under a filter that notifies connect(2) only and not to be looked
// into by its own user: what is known of an ssh server. The listener of the filter goes to who
// started it.

#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

int install_filter() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{sizeof code / sizeof code[0], code};
  return static_cast<int>(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

bool send_descriptor(int control, int fd) {
  char byte = 'l';
  iovec part{&byte, 1};
  alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = buffer;
  message.msg_controllen = sizeof buffer;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  return sendmsg(control, &message, 0) == 1;
}

int try_connect(int fd, const void* address, socklen_t size) {
  const long result = syscall(SYS_connect, fd, address, size);
  const int error = errno;
  close(fd);
  return result == 0 ? 0 : error;
}

/// errno of what it was asked for.
int act(char kind, uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (kind == 'd') return try_connect(socket(AF_INET, SOCK_DGRAM, 0), &to, sizeof to);
  const int fd = socket(kind == 'u' ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  if (kind == 'b') return try_connect(fd, reinterpret_cast<void*>(8), sizeof to);
  if (kind == 's') return try_connect(fd, &to, 4096);
  if (kind == 'u') {
    const sockaddr_un path{AF_UNIX, "/absent"};
    return try_connect(fd, &path, sizeof path);
  }
  return try_connect(fd, &to, sizeof to);
}

struct Wish {
  char kind;
  uint16_t port;
};

}  // namespace

int main(int argc, char** argv) {
  const int control = argc > 1 ? atoi(argv[1]) : -1;
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  const int listener = install_filter();
  if (listener < 0 || !send_descriptor(control, listener)) return 2;
  close(listener);
  Wish wish{};
  while (read(control, &wish, sizeof wish) == sizeof wish) {
    const int error = act(wish.kind, wish.port);
    if (write(control, &error, sizeof error) != sizeof error) return 3;
  }
  return 0;
}
