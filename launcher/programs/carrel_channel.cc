// carrel-channel: what the sshd of an ssh connection runs for whatever its client asks.

#include "launcher/cli/channel/channel.h"

int main() {
  return carrel::channel::run_channel();
}
