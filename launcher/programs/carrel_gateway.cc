// carrel-gateway: the only way out of one workspace, as a uid of its own. Descriptor 3 is the
// launcher.

#include "launcher/gateway/relay/gateway_main.h"

int main() {
  constexpr int kControlFd = 3;
  return carrel::gateway::gateway_main(kControlFd);
}
