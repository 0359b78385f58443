#pragma once
// A working tree as the slicer leaves it, to be changed by a test and compared again.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/record/evidence/sha256.h"
#include "launcher/watch/tree/difference.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"
#include "tests/support/folder.h"

namespace carrel::tests {

inline std::string sha(std::string_view content) {
  return std::string(evidence::as_view(evidence::sha256(content)));
}

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// True where modes bind this process (they do not bind root).
inline bool modes_bind(const std::string& folder) {
  const std::string path = folder + "/probe-of-modes";
  write_file(path, "x");
  chmod(path.c_str(), 0);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  unlink(path.c_str());
  return !fd.valid();
}

class SampleTree {
 public:
  SampleTree() {
    mkdir((outer_ / "tree").c_str(), 0755);
    mkdir((outer_ / "pristine").c_str(), 0755);
    mkdir((*this / ".git").c_str(), 0755);
  }

  /// The path of something in the tree.
  std::string operator/(const std::string& name) const { return outer_ / "tree/" + name; }
  /// The path of something beside the tree.
  std::string beside(const std::string& name) const { return outer_ / name; }

  /// A file that was handed out.
  void hand_out(const std::string& name, std::string_view content, mode_t mode = 0644) {
    write_file(*this / name, content);
    chmod((*this / name).c_str(), mode);
    note(name, (mode & 0100) != 0 ? 0100755 : 0100644, content);
  }
  void hand_out_link(const std::string& name, const std::string& target) {
    ASSERT_EQ(symlink(target.c_str(), (*this / name).c_str()), 0);
    note(name, 0120000, target);
  }
  void hand_out_read_only(const std::string& name, bool folder) {
    if (folder) {
      mkdir((*this / name).c_str(), 0755);
    } else {
      write_file(*this / name, "");
    }
    manifest_.read_only.push_back({name, folder});
  }
  std::string pristine(std::string_view content) const {
    return outer_ / "pristine/" + to_hex(sha(content));
  }
  manifest::Manifest& manifest() { return manifest_; }

  /// What changed. Fails the test on an Error and when a digest is handed over twice or wrongly.
  std::vector<events::FileChanged> difference(const tree::Limits& limits = {}) {
    kept_.clear();
    std::sort(manifest_.files.begin(), manifest_.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    const UniqueFd tree_fd(open((outer_ / "tree").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd pristine_fd(
        open((outer_ / "pristine").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto result =
        tree::difference({"/workspaces/w", tree_fd.get(), pristine_fd.get(), &manifest_}, limits,
                         [this](auto digest, auto content) {
                           EXPECT_EQ(digest, sha(content));
                           EXPECT_TRUE(kept_.emplace(digest, content).second);
                           return Status(Done{});
                         });
    if (!result.ok()) {
      ADD_FAILURE() << to_string(result.error());
      return {};
    }
    for (const auto& change : result.value()) {
      if (!change.note.empty()) continue;
      EXPECT_TRUE(change.before_sha256.empty() || kept_.contains(change.before_sha256))
          << change.path;
      EXPECT_TRUE(change.after_sha256.empty() || kept_.contains(change.after_sha256))
          << change.path;
    }
    return result.value();
  }
  /// The same as "change PATH" or "change PATH (note)", for the whole list at once.
  std::vector<std::string> lines(const tree::Limits& limits = {}) {
    std::vector<std::string> out;
    for (const auto& change : difference(limits)) {
      std::string line = change.change + " " + change.path;
      if (!change.note.empty()) line += " (" + change.note + ")";
      out.push_back(line);
    }
    return out;
  }
  /// Contents handed over by the last difference, by digest.
  const std::map<std::string, std::string>& kept() const { return kept_; }

 private:
  void note(const std::string& name, uint32_t mode, std::string_view content) {
    write_file(pristine(content), content);
    manifest_.files.push_back({name, mode, content.size(), sha(content)});
  }

  support::Folder outer_;
  manifest::Manifest manifest_;
  std::map<std::string, std::string> kept_;
};

}  // namespace carrel::tests
