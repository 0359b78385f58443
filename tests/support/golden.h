#pragma once
// Compares text with a file below tests/golden. To accept a change run the test with
// CARREL_UPDATE_GOLDEN=1 and read the difference in git.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace carrel::tests {

/// Expects `text` to equal the file `path`, relative to the source tree.
inline void expect_golden(const std::string& source_dir, const std::string& path,
                          const std::string& text) {
  const std::string full = source_dir + "/" + path;
  if (std::getenv("CARREL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(full, std::ios::binary) << text;
    return;
  }
  std::ifstream file(full, std::ios::binary);
  ASSERT_TRUE(file.good()) << path << " is missing";
  std::stringstream wanted;
  wanted << file.rdbuf();
  EXPECT_EQ(text, wanted.str()) << path;
}

}  // namespace carrel::tests
