#include "launcher/cli/profile/profile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "profiles/base/result.h"
#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"
#include "profiles/explain/explain.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/parse.h"

namespace carrel::profile {
namespace {

constexpr int kOk = 0;
constexpr int kInvalid = 1;
constexpr int kNotFound = 2;

constexpr std::array<std::string_view, 7> kNotYet = {"new",    "lint",  "diff",   "test",
                                                     "schema", "learn", "tighten"};

constexpr std::string_view kHelp =
    "usage: carrel profile check FILE...     is it valid? its name, version and digest\n"
    "       carrel profile explain FILE...   what it allows, in plain words\n"
    "\n"
    "FILE is a profile in TOML; docs/profile-reference.md describes its keys.\n"
    "Exit: 0 valid, 1 invalid or wrong usage, 2 not found.\n";

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

/// Opened without blocking, so that a FIFO cannot hold the caller; at most kMaxSourceBytes + 1.
Result<std::string> read_profile(const std::string& path) {
  const std::string shown = "profile \"" + quoted(path) + "\"";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return errno_error("open " + shown);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return errno_error("stat " + shown);
  if (!S_ISREG(facts.st_mode)) return Error{shown + " is not a regular file"};
  std::string text;
  std::array<char, 16384> buffer;
  while (text.size() <= parse::kMaxSourceBytes) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read " + shown);
    if (got == 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

/// One file of one run: reads, parses, and lets `answer` print; the exit code for it.
template <typename Answer>
int with_profile(const std::string& path, std::FILE* err, Answer answer) {
  const auto source = read_profile(path);
  if (!source.ok()) {
    print(err, "carrel: " + to_string(source.error()) + "\n");
    const int number = source.error().sys_errno;
    const bool missing = number == ENOENT || number == ENOTDIR || number == EACCES;
    return missing ? kNotFound : kInvalid;
  }
  const auto parsed = parse::parse_profile(source.value(), path);
  if (!parsed.ok()) {
    print(err, parsed.error().what + "\n");
    return kInvalid;
  }
  for (const std::string& warning : parsed.value().warnings) {
    print(err, "warning: " + warning + "\n");
  }
  answer(parsed.value().profile);
  return kOk;
}

int check(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err) {
  return with_profile(path, err, [&](const model::Profile& profile) {
    print(out, "ok: " + profile.name + " version " + std::to_string(profile.version) + ": " +
                   quoted(profile.summary) + "\n");
    if (hooks.sha256_hex) {
      print(out, "digest: sha256:" + hooks.sha256_hex(parse::to_canonical(profile)) + "\n");
    }
  });
}

int explain_file(const std::string& path, const Hooks& hooks, std::FILE* out, std::FILE* err) {
  return with_profile(path, err, [&](const model::Profile& profile) {
    print(out, explain::explain(profile));
    if (hooks.plan_text) print(out, "\n" + hooks.plan_text(profile));
  });
}

int usage(std::FILE* err, const std::string& complaint) {
  print(err, "carrel profile: " + complaint + "\n" + std::string(kHelp));
  return kInvalid;
}

}  // namespace

int run_profile(const std::vector<std::string>& arguments, const Hooks& hooks, std::FILE* out,
                std::FILE* err) {
  if (arguments.empty()) return usage(err, "say what to do");
  const std::string& verb = arguments[0];
  if (verb == "--help" || verb == "-h" || verb == "help") {
    print(out, kHelp);
    return kOk;
  }
  if (std::find(kNotYet.begin(), kNotYet.end(), verb) != kNotYet.end()) {
    print(err, "carrel profile " + verb + ": not supported yet\n");
    return kInvalid;
  }
  if (verb != "check" && verb != "explain")
    return usage(err, "unknown verb \"" + quoted(verb) + "\"");
  std::vector<std::string> files(arguments.begin() + 1, arguments.end());
  if (!files.empty() && files[0] == "--") {
    files.erase(files.begin());
  } else {
    for (const std::string& word : files) {
      if (word == "--help" || word == "-h") {
        print(out, kHelp);
        return kOk;
      }
      if (word.starts_with('-')) return usage(err, "unknown option \"" + quoted(word) + "\"");
    }
  }
  if (files.empty()) return usage(err, verb + " needs a FILE");
  int worst = kOk;
  for (const std::string& file : files) {
    const int code =
        verb == "check" ? check(file, hooks, out, err) : explain_file(file, hooks, out, err);
    worst = std::max(worst, code);
  }
  return worst;
}

}  // namespace carrel::profile
