// Every input of the corpus goes through its target: what a fuzzer once found stays found, with the
// compiler and in the build that are shipped.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/target.h"

namespace carrel::fuzz {
namespace {

namespace fs = std::filesystem;

fs::path corpus() {
  return fs::path(CARREL_SOURCE_DIR) / "tests/fuzz/corpus";
}

std::string contents(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, EveryInputKeepsItsProperties) {
  const auto run = targets().at(GetParam());
  int inputs = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / GetParam())) {
    SCOPED_TRACE(entry.path().filename());
    const std::string input = contents(entry.path());
    // And every shorter one, which is what comes of a connection that is cut.
    const size_t step = std::max<size_t>(1, input.size() / 256);
    for (size_t size = 0; size < input.size(); size += step)
      run(std::string_view(input).substr(0, size));
    run(input);
    ++inputs;
  }
  EXPECT_GE(inputs, 2) << "a corpus for " << GetParam();
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& [name, run] : targets())
    out.push_back(name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(names()),
                         [](const auto& one) { return one.param; });

TEST(CorpusFolders, HaveATargetEach) {
  for (const auto& entry : fs::directory_iterator(corpus()))
    EXPECT_TRUE(targets().contains(entry.path().filename())) << entry.path();
}

}  // namespace
}  // namespace carrel::fuzz
