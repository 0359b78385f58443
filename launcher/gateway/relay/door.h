#pragma once
// Takes connections from a listener also where no descriptor is left for them: a client that nobody
// takes would wait, and the listener would be ready without an end.

#include <netinet/in.h>

#include "profiles/base/unique_fd.h"

namespace carrel::gateway {

struct Taken {
  UniqueFd socket;  // invalid: errno says why (EAGAIN: none waits)
  sockaddr_in client{};
  bool fits = true;  // false: it has the descriptor that is kept for this, and is to be closed
};

/// Keeps one descriptor to turn connections away with.
class Door {
 public:
  Taken take(int listener);

 private:
  void keep_one();
  UniqueFd kept_;
};

}  // namespace carrel::gateway
