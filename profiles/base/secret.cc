#include "profiles/base/secret.h"

#include <string.h>

namespace carrel {

void Secret::wipe() {
  bytes_.resize(bytes_.capacity());
  explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

}  // namespace carrel
