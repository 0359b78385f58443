#include "launcher/watch/session/git_message.h"

#include <algorithm>
#include <array>

namespace carrel::session {
namespace {

constexpr size_t kMaxMessage = 8192;

/// What the kernel answers below and at a read-only bind, in the C library's words; and git's own
/// end of a message that has none.
constexpr std::array<std::string_view, 6> kReasons = {
    ": Read-only file system",   ": Device or resource busy",   ": Permission denied",
    ": Operation not permitted", ": Invalid cross-device link", " failed"};

/// In front of a path that git does not quote.
constexpr std::array<std::string_view, 9> kBefore = {
    "unable to create file ", "unable to write file ",     "unable to unlink ",
    "failed to remove ",      "could not open ",           "cannot open ",
    "unable to unlink old ",  "unable to create symlink ", "renaming "};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\''))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\''))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<std::string> path_in_git_message(std::string_view message) {
  // A message of its own: the path stands on the line below.
  constexpr std::string_view kSparse = "updated in the index:\n";
  const size_t sparse = message.substr(0, kMaxMessage).find(kSparse);
  if (sparse != std::string_view::npos) {
    const std::string_view path = message.substr(sparse + kSparse.size());
    const size_t size = std::min(path.find('\n'), path.size());
    return size == 0 ? std::nullopt : std::optional<std::string>(path.substr(0, size));
  }
  message = message.substr(0, std::min({message.find('\n'), kMaxMessage, message.size()}));
  size_t end = std::string_view::npos;
  for (const std::string_view reason : kReasons) {
    if (end == std::string_view::npos) end = message.rfind(reason);
  }
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view front = message.substr(0, end);
  const size_t quote = front.find('\'');
  if (quote != std::string_view::npos) {
    const size_t close = front.find('\'', quote + 1);
    const std::string_view path = trimmed(front.substr(
        quote, close == std::string_view::npos ? std::string_view::npos : close + 1 - quote));
    return path.empty() ? std::nullopt : std::optional<std::string>(path);
  }
  for (const std::string_view before : kBefore) {
    const size_t at = front.rfind(before);
    if (at == std::string_view::npos) continue;
    const std::string_view path = trimmed(front.substr(at + before.size()));
    if (!path.empty()) return std::string(path);
  }
  return std::nullopt;
}

}  // namespace carrel::session
