// carrel-session: records, seals and ends one session, as a uid of its own. Descriptor 3 is the
// launcher.

#include "launcher/watch/session/session_main.h"

int main() {
  constexpr int kControlFd = 3;
  return carrel::session::session_main(kControlFd);
}
