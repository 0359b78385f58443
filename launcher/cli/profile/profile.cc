#include "launcher/cli/profile/profile.h"

#include <algorithm>
#include <array>

#include "launcher/cli/profile/read.h"
#include "launcher/cli/profile/verbs.h"
#include "profiles/base/text.h"

namespace carrel::profile {
namespace {

constexpr std::array<std::string_view, 2> kNotYet = {"learn", "tighten"};

constexpr std::string_view kHelp =
    "usage: carrel profile check FILE...       is it valid? its name, version and digest\n"
    "       carrel profile explain FILE...     what it allows, in plain words\n"
    "       carrel profile lint FILE...        what is worth a second look before it is granted\n"
    "       carrel profile diff BEFORE AFTER   what becomes allowed, what stops, what changes\n"
    "       carrel profile test FILE CASES...  does it say what is expected of it?\n"
    "       carrel profile new NAME            a profile to begin with, on the standard output\n"
    "       carrel profile schema              its keys as a JSON Schema, for editors\n"
    "\n"
    "FILE is a profile in TOML; docs/profile-reference.md describes its keys, and CASES.\n"
    "Exit: 0 valid, 1 invalid, wrong usage, a finding that is no note, a case that does not hold,\n"
    "2 not found.\n";

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
  if (verb == "schema") return files.empty() ? schema(out) : usage(err, "schema takes no FILE");
  if (verb == "new")
    return files.size() == 1 ? begin(files[0], out, err) : usage(err, "new needs one NAME");
  if (verb == "diff") {
    return files.size() == 2 ? diff(files[0], files[1], hooks, out, err)
                             : usage(err, "diff needs two FILEs");
  }
  using OfFile = int (*)(const std::string&, const Hooks&, std::FILE*, std::FILE*);
  const OfFile of_file = verb == "check"     ? check
                         : verb == "explain" ? explain_file
                         : verb == "lint"    ? lint_file
                                             : nullptr;
  if (of_file == nullptr && verb != "test")
    return usage(err, "unknown verb \"" + quoted(verb) + "\"");
  if (files.empty()) return usage(err, verb + " needs a FILE");
  int worst = kOk;
  if (of_file == nullptr) {
    if (files.size() < 2) return usage(err, "test needs a FILE and its CASES");
    for (size_t i = 1; i < files.size(); ++i)
      worst = std::max(worst, test(files[0], files[i], hooks, out, err));
    return worst;
  }
  for (const std::string& file : files)
    worst = std::max(worst, of_file(file, hooks, out, err));
  return worst;
}

}  // namespace carrel::profile
