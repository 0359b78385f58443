#pragma once
// A repository made by the git binary, and carrel-slicer run on it, both without any configuration
// of the machine.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "tests/support/folder.h"

namespace carrel::slices {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

/// A shell's single-quoted word.
inline std::string word(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

class Slicing : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(setenv("HOME", (folder_ / "home").c_str(), 1), 0);
    const std::map<std::string, std::string> environment = {
        {"GIT_CONFIG_NOSYSTEM", "1"},
        {"GIT_CONFIG_COUNT", "3"},
        {"GIT_CONFIG_KEY_0", "safe.directory"},
        {"GIT_CONFIG_VALUE_0", "*"},
        {"GIT_CONFIG_KEY_1", "user.name"},
        {"GIT_CONFIG_VALUE_1", "tester"},
        {"GIT_CONFIG_KEY_2", "user.email"},
        {"GIT_CONFIG_VALUE_2", "tester@example.org"},
        {"LC_ALL", "C.UTF-8"}};
    for (const auto& [key, value] : environment)
      setenv(key.c_str(), value.c_str(), 1);
    ASSERT_EQ(run("mkdir -p " + word(source_) + " && git init -q -b main " + word(source_)).code,
              0);
  }

  Ran run(const std::string& command) {
    const std::string out = folder_ / "stdout";
    const std::string err = folder_ / "stderr";
    const int status =
        std::system(("umask 022; ( " + command + " ) >" + word(out) + " 2>" + word(err)).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(out), slurp(err)};
  }
  /// git in the full repository; its output without the last line end.
  std::string source_git(const std::string& arguments) { return git(source_, arguments); }
  /// git in the slice.
  std::string slice_git(const std::string& arguments) { return git(output_ + "/tree", arguments); }

  void put(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(source_ + "/" + path).parent_path());
    std::ofstream(source_ + "/" + path, std::ios::binary) << bytes;
  }
  void commit() {
    source_git("add -A && git -C " + word(source_) + " commit -q -m 'hidden words'");
  }

  /// carrel-slicer into a new, empty output folder.
  Ran slice(const std::string& arguments, const std::string& ref = "main") {
    output_ = folder_ / ("out" + std::to_string(++outputs_));
    std::filesystem::create_directory(output_);
    return run(word(std::string(CARREL_BINARY_DIR) + "/libexec/carrel/carrel-slicer") +
               " --repository " + word(source_) + " --output " + word(output_) + " --ref " +
               word(ref) + " --name app " + arguments);
  }
  manifest::Manifest manifest() {
    auto parsed = manifest::parse_manifest(slurp(output_ + "/manifest"));
    EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().what);
    return parsed.ok() ? parsed.take() : manifest::Manifest{};
  }
  std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      out.push_back(line);
    return out;
  }

  support::Folder folder_;
  std::string source_ = folder_ / "source";
  std::string output_;

 private:
  std::string git(const std::string& where, const std::string& arguments) {
    const Ran ran = run("git -C " + word(where) + " " + arguments);
    EXPECT_EQ(ran.code, 0) << arguments << "\n" << ran.out << ran.err;
    std::string out = ran.out;
    if (out.ends_with('\n')) out.pop_back();
    return out;
  }
  int outputs_ = 0;
};

}  // namespace carrel::slices
