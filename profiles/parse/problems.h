#pragma once
// The errors found in one source, collected so that an author mends them in one go.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"
#include "profiles/model/profile.h"

namespace carrel::parse {

/// One thing that is wrong, with where it stands (0:0 when no source is known).
struct Problem {
  model::SourceLine where;
  std::string text;
  bool operator==(const Problem&) const = default;
};

/// Keeps the first kMaxErrors problems that are added.
class Problems {
 public:
  void add(model::SourceLine where, std::string text);
  [[nodiscard]] bool empty() const { return found_.empty(); }
  [[nodiscard]] bool full() const;
  /// One line a problem, "file:line:column: text", in the order of the source. `files` are what the
  /// numbers of SourceLine.file mean.
  [[nodiscard]] Error to_error(std::span<const std::string> files) const;
  /// The same of one file.
  [[nodiscard]] Error to_error(std::string_view file_name) const;

 private:
  std::vector<Problem> found_;
};

/// "file:line:column: text", with the file name made safe to show.
std::string to_line(std::string_view file_name, const Problem& problem);
std::string to_line(std::span<const std::string> files, const Problem& problem);

}  // namespace carrel::parse
