#pragma once
// A folder of its own for a test, removed with all it holds.

#include <cstdlib>
#include <filesystem>
#include <string>

namespace carrel::support {

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "carrel-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) abort();
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace carrel::support
