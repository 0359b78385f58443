#pragma once
// Files of a manifest by their paths, without reading it from end to end: its records are sorted,
// so a path is found by halving. What is asked of a manifest of 100,000 files costs what one of ten
// costs. Hostile bytes: what is looked at is as strictly checked as by parse_manifest(), and what
// is out of order is not found.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/manifest/manifest.h"
#include "profiles/base/result.h"

namespace carrel::manifest {

class Lookup {
 public:
  /// The manifest in a regular file, borrowed; nobody may write to it meanwhile.
  static Result<Lookup> open(int fd);

  /// Everything but the files.
  [[nodiscard]] const Manifest& head() const { return head_; }

  /// The first file of those below a folder ("" is the tree); nothing where there is none.
  Result<std::optional<File>> first_below(const std::string& folder);

  /// Adds the file at `path` and those below it, in the order of their paths.
  Status add_within(const std::string& path, std::vector<File>& files);

 private:
  struct Record {
    size_t begin = 0;
    size_t end = 0;  // where the next one begins
    std::string text;
    [[nodiscard]] std::string_view path() const;
  };

  explicit Lookup(int fd) : fd_(fd) {}
  /// Where the file records end.
  Result<size_t> find_end(size_t size);
  /// The record that `at` lies in, which begins nowhere before `from`.
  Result<Record> around(size_t from, size_t at);
  /// A record as strictly as by parse_manifest().
  [[nodiscard]] Result<File> file_of(const Record& record) const;
  /// Where the first record begins whose path does not come before `path`.
  Result<size_t> lower_bound(std::string_view path);
  /// Bytes of the file from `at` on, as many as are at hand, at least kMaxRecord unless it ends.
  Result<std::string_view> bytes_at(size_t at);

  int fd_;
  Manifest head_;
  size_t begin_ = 0;  // of the file records
  size_t end_ = 0;
  std::string window_;
  size_t window_at_ = 0;
};

}  // namespace carrel::manifest
