#include "launcher/box/probe/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "profiles/base/unique_fd.h"

namespace carrel::probe {
namespace {

constexpr size_t kMaxFile = 1 << 20;

}  // namespace

std::string read_bounded(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return "";
  std::string text;
  std::array<char, 4096> part{};
  while (text.size() < kMaxFile) {
    const ssize_t got = read(file.get(), part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

bool has_word(std::string_view text, std::string_view word) {
  size_t at = 0;
  while ((at = text.find(word, at)) != std::string_view::npos) {
    const size_t end = at + word.size();
    const bool starts = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\n';
    const bool ends = end == text.size() || text[end] == ' ' || text[end] == '\n';
    if (starts && ends) return true;
    at = end;
  }
  return false;
}

}  // namespace carrel::probe
