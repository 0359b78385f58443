#pragma once
// Reads tests/vectors/profiles.json: a list of {"canonical", "name", "sha256", "toml"}, written by
// tests/vectors/profiles.py.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace carrel::tests {

struct ProfileVector {
  std::string name;
  std::string toml;
  std::string canonical;
  std::string sha256;
};

inline std::vector<ProfileVector> profile_vectors() {
  std::ifstream file(CARREL_SOURCE_DIR "/tests/vectors/profiles.json");
  const auto json = nlohmann::json::parse(file, nullptr, false);
  EXPECT_TRUE(json.is_array());
  std::vector<ProfileVector> vectors;
  for (const auto& row : json) {
    vectors.push_back({row.value("name", ""), row.value("toml", ""), row.value("canonical", ""),
                       row.value("sha256", "")});
  }
  return vectors;
}

}  // namespace carrel::tests
