// carrel: what everybody types. Finds the verb and no more: `open` is inside, so that it starts in
// a millisecond; the others are programs of their own under libexec/carrel.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/cli/open/open.h"
#include "launcher/cli/start/services.h"
#include "profiles/base/text.h"

namespace {

constexpr int kUsage = 1;
constexpr int kOpenUsage = 120;

enum class Home {
  kHere,
  kAttach,
  kReview,
  kProfile,
  kWork,
  kSsh,
  kLauncher,
  kNotYet,
  kNotYetForOpening
};

struct Verb {
  std::string_view word;
  Home home;
};

constexpr std::array kVerbs = {
    Verb{"open", Home::kHere},
    Verb{"sessions", Home::kReview},
    Verb{"show", Home::kReview},
    Verb{"events", Home::kReview},
    Verb{"replay", Home::kReview},
    Verb{"diff", Home::kReview},
    Verb{"verify", Home::kReview},
    Verb{"profile", Home::kProfile},
    Verb{"doctor", Home::kProfile},
    Verb{"attach", Home::kAttach},
    Verb{"ssh-config", Home::kSsh},
    Verb{"connect", Home::kSsh},
    Verb{"sync", Home::kNotYetForOpening},
    Verb{"list", Home::kWork},
    Verb{"status", Home::kWork},
    Verb{"close", Home::kWork},
    Verb{"pause", Home::kWork},
    Verb{"resume", Home::kWork},
    Verb{"slice", Home::kNotYet},
    Verb{"assets", Home::kNotYet},
    Verb{"toolchain", Home::kNotYet},
    Verb{"task", Home::kWork},
    Verb{"request", Home::kNotYet},
    Verb{"approvals", Home::kWork},
    Verb{"token", Home::kWork},
    Verb{"disclosed", Home::kNotYet},
    Verb{"obligations", Home::kNotYet},
    Verb{"incident", Home::kNotYet},
    Verb{"report", Home::kNotYet},
    Verb{"inbox", Home::kNotYet},
    Verb{"tree", Home::kNotYet},
    Verb{"net", Home::kReview},
    Verb{"search", Home::kNotYet},
    Verb{"done", Home::kNotYet},
    Verb{"export", Home::kNotYet},
    Verb{"serve", Home::kNotYet},
    Verb{"broker", Home::kNotYet},
    Verb{"launcher", Home::kLauncher},
    Verb{"witness", Home::kNotYet},
};

constexpr std::string_view kHelp =
    "usage: carrel VERB [ARGUMENTS]: recorded workspaces for contractors that hold only what a "
    "task needs\n"
    "\n"
    "  carrel open --profile FILE [-- COMMAND]   open a workspace and work in it\n"
    "  carrel open TASK [-- COMMAND]             the same, of a task that was given to you\n"
    "\n"
    "  carrel attach [S]            a further terminal at a session that runs\n"
    "  carrel ssh-config            ssh, sftp and editors at it: lines for ~/.ssh/config\n"
    "  carrel list                  your workspaces, and what runs at them\n"
    "  carrel status                how long a session may go on, and whether it is paused\n"
    "  carrel task create|list|show|end          give a profile to people for a time\n"
    "  carrel approvals             what sessions ask for beyond their profile; approve or refuse "
    "it\n"
    "  carrel token introspect      does the session of a token still live?\n"
    "  carrel close S --reason R    end a session; pause and resume stop it for a while\n"
    "\n"
    "look back\n"
    "  carrel sessions              the sessions that you may see\n"
    "  carrel show last             one page: what was done, denied, changed\n"
    "  carrel replay last           the terminal, as it was\n"
    "  carrel events last           everything that was recorded\n"
    "  carrel diff last             what changed, as a patch\n"
    "  carrel net last              where it went on the network, and how much\n"
    "  carrel verify last           is the record whole and untouched?\n"
    "\n"
    "prepare\n"
    "  carrel profile check FILE    is a profile valid?\n"
    "  carrel profile explain FILE  what it allows, in plain words\n"
    "  carrel doctor                what this host can guarantee, and what mends the rest\n"
    "  carrel launcher              serve the users of this host, as root (systemd: "
    "carrel.service)\n"
    "\n"
    "Each has --help. `last` may be any session's id, or the first characters of one.\n";

/// Becomes another of Carrel's programs; comes back only where that fails.
int become(std::string_view name, char** arguments) {
  const auto folder = carrel::start::programs_folder();
  if (!folder.ok()) {
    fprintf(stderr, "carrel: %s\n", carrel::to_string(folder.error()).c_str());
    return kUsage;
  }
  const std::string path = folder.value() + "/" + std::string(name);
  execv(path.c_str(), arguments);
  const carrel::Error error = carrel::errno_error("run " + carrel::quoted(path));
  fprintf(stderr, "carrel: %s\n", carrel::to_string(error).c_str());
  return kUsage;
}

int not_yet(std::string_view word, int code) {
  fprintf(stderr, "carrel %.*s: not supported yet\n", static_cast<int>(word.size()), word.data());
  return code;
}

int unknown(std::string_view word) {
  std::array<std::string_view, kVerbs.size()> words;
  for (size_t i = 0; i < words.size(); ++i)
    words[i] = kVerbs[i].word;
  const std::string guess = carrel::nearest(word.substr(0, 64), words.data(), words.size());
  const std::string hint = guess.empty() ? "" : "; did you mean `carrel " + guess + "`?";
  fprintf(stderr, "carrel: no verb \"%s\"%s (see: carrel --help)\n",
          carrel::quoted(word.substr(0, 64)).c_str(), hint.c_str());
  return kUsage;
}

int run(int count, char** arguments) {
  const std::string_view word = count < 2 ? "--help" : arguments[1];
  if (word == "--help" || word == "-h" || word == "help") {
    fwrite(kHelp.data(), 1, kHelp.size(), stdout);
    return 0;
  }
  if (word == "--version") {
    puts("carrel " CARREL_VERSION);
    return 0;
  }
  const auto* const verb =
      std::find_if(kVerbs.begin(), kVerbs.end(), [word](const Verb& v) { return v.word == word; });
  if (verb == kVerbs.end()) return unknown(word);
  switch (verb->home) {
    case Home::kHere:
      return carrel::open::run_open(std::vector<std::string>(arguments + 2, arguments + count));
    case Home::kAttach:
      return carrel::open::run_attach(std::vector<std::string>(arguments + 2, arguments + count));
    case Home::kReview:
      return become("carrel-review", arguments);
    case Home::kProfile:
      return become("carrel-profile", arguments);
    case Home::kWork:
      return become("carrel-work", arguments);
    case Home::kSsh:
      return become("carrel-ssh", arguments);
    case Home::kLauncher:
      return become("carrel-launcher", arguments);
    case Home::kNotYetForOpening:
      return not_yet(word, kOpenUsage);
    case Home::kNotYet:
      break;
  }
  return not_yet(word, kUsage);
}

}  // namespace

int main(int count, char** arguments) {
  return run(count, arguments);
}
