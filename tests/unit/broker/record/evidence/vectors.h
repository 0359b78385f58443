#pragma once
// The known answers of tests/vectors/*.json, for tests only.

#include <fstream>
#include <string>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/secret.h"
#include "profiles/base/text.h"
#include <nlohmann/json.hpp>

namespace carrel::evidence {

inline nlohmann::json load_vectors(const std::string& name) {
  std::ifstream file(std::string(CARREL_SOURCE_DIR) + "/tests/vectors/" + name);
  return nlohmann::json::parse(file);
}

inline std::string unhex(const std::string& hex) {
  return from_hex(hex).value();
}
inline Digest digest_of_hex(const std::string& hex) {
  return to_array<32>(unhex(hex));
}
inline Secret seed_of(char byte) {
  return Secret(std::string(32, byte));
}

}  // namespace carrel::evidence
