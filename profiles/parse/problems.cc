#include "profiles/parse/problems.h"

#include <algorithm>
#include <tuple>

#include "profiles/base/text.h"
#include "profiles/parse/parse.h"

namespace carrel::parse {

void Problems::add(model::SourceLine where, std::string text) {
  if (!full()) found_.push_back({where, std::move(text)});
}

bool Problems::full() const {
  return found_.size() >= kMaxErrors;
}

Error Problems::to_error(std::span<const std::string> files) const {
  std::vector<Problem> sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.where.file, a.where.line, a.where.column) <
           std::tie(b.where.file, b.where.line, b.where.column);
  });
  std::string lines;
  for (const Problem& problem : sorted) {
    if (!lines.empty()) lines += '\n';
    lines += to_line(files, problem);
  }
  return Error{lines};
}

Error Problems::to_error(std::string_view file_name) const {
  const std::string name(file_name);
  return to_error(std::span(&name, 1));
}

std::string to_line(std::span<const std::string> files, const Problem& problem) {
  const auto file = static_cast<size_t>(problem.where.file);
  return to_line(file < files.size() ? files[file] : "?", problem);
}

std::string to_line(std::string_view file_name, const Problem& problem) {
  return quoted(file_name) + ":" + std::to_string(problem.where.line) + ":" +
         std::to_string(problem.where.column) + ": " + problem.text;
}

}  // namespace carrel::parse
