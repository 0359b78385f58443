#include "profiles/base/wipe.h"

#include <string.h>

namespace carrel {

void wipe(std::string& bytes) {
  bytes.resize(bytes.capacity());
  explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace carrel
