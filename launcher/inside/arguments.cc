#include "launcher/inside/arguments.h"

#include "profiles/base/text.h"

namespace carrel::inside {
namespace {

constexpr const char* kUsage =
    "usage: carrel why [PATH | URL | 'MESSAGE OF GIT']   what was denied last, or whether this "
    "would be\n"
    "       carrel status                                this session: time, limits, what is "
    "recorded\n"
    "       carrel request network HOST[:PORT] --for REASON --until TIME [--tcp]\n"
    "                                                    asks whoever grants this task for more; "
    "TIME\n"
    "                                                    is like 30m, 2h or "
    "2026-12-31T18:00:00Z;\n"
    "                                                    --tcp: for what is no TLS\n"
    "       carrel request credential NAME --for REASON --until TIME\n"
    "                                                    asks for a credential of the profile that "
    "is\n"
    "                                                    issued on request\n";

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

struct RequestWords {
  std::string_view what, reason, until;
  bool tcp = false;
};

/// False: a word that does not belong there, or one twice.
bool read_request(const std::vector<std::string_view>& words, RequestWords& to) {
  const auto value = [&words](size_t& i, std::string_view& into) {
    if (i + 1 >= words.size() || !into.empty()) return false;
    into = words[++i];
    return true;
  };
  for (size_t i = 2; i < words.size(); ++i) {
    bool good = true;
    if (words[i] == "--for") {
      good = value(i, to.reason);
    } else if (words[i] == "--until") {
      good = value(i, to.until);
    } else if (words[i] == "--tcp") {
      to.tcp = true;
    } else if (words[i].starts_with('-') || !to.what.empty()) {
      good = false;
    } else {
      to.what = words[i];
    }
    if (!good) return false;
  }
  return !to.what.empty() && !to.reason.empty() && !to.until.empty();
}

std::variant<Question, Words> make_request(Ask ask, std::string_view what,
                                           std::initializer_list<std::string_view> fields) {
  Question question{ask, std::string(what)};
  for (const std::string_view field : fields) {
    question.subject += '\0';
    question.subject += field;
  }
  if (question.subject.size() > kMaxSubject) return wrong("request: longer than any request");
  return question;
}

std::variant<Question, Words> take_request(const std::vector<std::string_view>& words) {
  const std::string_view kind = words.size() > 1 ? words[1] : "";
  RequestWords said;
  if (kind == "credential") {
    if (!read_request(words, said) || said.tcp) {
      return wrong("request credential takes NAME, --for REASON and --until TIME");
    }
    return make_request(Ask::kCredential, said.what, {said.until, said.reason});
  }
  if (kind != "network" || !read_request(words, said)) {
    return wrong(
        "request takes network HOST or HOST:PORT, or credential NAME; and --for REASON and "
        "--until TIME");
  }
  return make_request(Ask::kNetwork, said.what, {said.tcp ? "tcp" : "", said.until, said.reason});
}

}  // namespace

std::variant<Question, Words> take_arguments(const std::vector<std::string_view>& words,
                                             std::string_view folder) {
  const std::string_view verb = words.empty() ? "help" : words[0];
  if (verb == "help" || verb == "--help" || verb == "-h")
    return Words{words.empty() ? 1 : 0, kUsage};
  if (verb == "submit") return Words{1, "carrel: submit: not supported yet\n"};
  if (verb == "request") return take_request(words);
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
