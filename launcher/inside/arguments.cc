#include "launcher/inside/arguments.h"

#include "profiles/base/text.h"

namespace carrel::inside {
namespace {

constexpr const char* kUsage =
    "usage: carrel why [PATH | URL | 'MESSAGE OF GIT']   what was denied last, or whether this "
    "would be\n"
    "       carrel status                                this session: time, limits, what is "
    "recorded\n";

Words wrong(std::string text) {
  return {1, "carrel: " + std::move(text) + "\n" + kUsage};
}

std::string joined(std::string_view folder, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  return std::string(folder) + "/" + std::string(path);
}

std::variant<Question, Words> take_subject(std::string_view word, std::string_view folder) {
  if (word.empty()) return wrong("why: an empty path");
  Question question{Ask::kPath, joined(folder, word)};
  if (word.find("://") != std::string_view::npos) {
    question = {Ask::kAddress, std::string(word)};
  } else if (word.find(": ") != std::string_view::npos) {
    question = {Ask::kGitMessage, std::string(folder) + '\0' + std::string(word)};
  }
  if (question.subject.size() > kMaxSubject) return wrong("why: longer than any path");
  return question;
}

}  // namespace

std::variant<Question, Words> take_arguments(const std::vector<std::string_view>& words,
                                             std::string_view folder) {
  const std::string_view verb = words.empty() ? "help" : words[0];
  if (verb == "help" || verb == "--help" || verb == "-h")
    return Words{words.empty() ? 1 : 0, kUsage};
  if (verb == "request" || verb == "submit") {
    return Words{1, "carrel: " + std::string(verb) + ": not supported yet\n"};
  }
  if (verb == "status") {
    return words.size() == 1 ? std::variant<Question, Words>(Question{Ask::kStatus, ""})
                             : wrong("status takes no argument");
  }
  if (verb != "why") {
    return wrong("\"" + quoted(verb.substr(0, 64)) + "\" is not known inside a workspace");
  }
  if (words.size() == 1) return Question{Ask::kLastDenials, ""};
  if (words.size() > 2) return wrong("why takes one path, or a message in quotes");
  return take_subject(words[1], folder);
}

}  // namespace carrel::inside
