#include "launcher/box/pid1/telling.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace carrel::pid1 {

using init::PayloadStep;
using init::Record;
using init::RecordType;

namespace {

int the_channel = 0;

}  // namespace

void set_channel(int channel) {
  the_channel = channel;
}

void tell(RecordType type, int a, int b) {
  const Record record{type, a, b, the_channel};
  // write(2), because a payload's filter may allow no socket call. The other side may have gone:
  // then there is nobody to tell, and a payload that SIGPIPE ends has nobody to run for.
  (void)!write(init::kControlFd, &record, sizeof record);
}

void fail(PayloadStep step) {
  tell(RecordType::kSetupFailed, static_cast<int>(step), errno);
  _exit(125);
}

void tell_of(int channel, RecordType type, int a, int b) {
  const int own = the_channel;
  the_channel = channel;
  tell(type, a, b);
  the_channel = own;
}

bool send_with_fd(int socket, const void* bytes, size_t size, int fd) {
  iovec part{const_cast<void*>(bytes), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

bool tell_with_fd(RecordType type, int fd) {
  const Record record{type, 0, 0, the_channel};
  return send_with_fd(init::kControlFd, &record, sizeof record, fd);
}

}  // namespace carrel::pid1
