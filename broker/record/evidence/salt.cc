#include "broker/record/evidence/salt.h"

#include <cstring>
#include <vector>

namespace carrel::evidence {
namespace {

Digest child(Sha256& sha, const Digest& node, uint8_t bit) {
  std::array<char, 34> message;
  message[0] = 0x10;
  message[1] = static_cast<char>(bit);
  std::memcpy(message.data() + 2, node.data(), node.size());
  return sha.of({message.data(), message.size()});
}

}  // namespace

std::array<Salt, kLeavesPerSaltRoot> derive_salts(Sha256& sha, const Digest& root) {
  std::array<Digest, kLeavesPerSaltRoot> level;
  level[0] = root;
  for (size_t width = 1; width < level.size(); width *= 2) {
    for (size_t i = width;
         i-- > 0;) {  // from the right, so that no parent is overwritten too early
      const Digest parent = level[i];
      level[2 * i] = child(sha, parent, 0);
      level[2 * i + 1] = child(sha, parent, 1);
    }
  }
  std::array<Salt, kLeavesPerSaltRoot> salts;
  for (size_t i = 0; i < salts.size(); ++i)
    std::memcpy(salts[i].data(), level[i].data(), salts[i].size());
  return salts;
}

Salt derive_salt(Sha256& sha, const Digest& root, uint8_t index) {
  Digest node = root;
  for (int bit = 7; bit >= 0; --bit)
    node = child(sha, node, static_cast<uint8_t>(index >> bit & 1));
  Salt salt;
  std::memcpy(salt.data(), node.data(), salt.size());
  return salt;
}

}  // namespace carrel::evidence
