#include "broker/service/slices/git.h"

#include <array>

#include "profiles/base/text.h"

namespace carrel::slices {

Error git_failure(const std::string& what) {
  const git_error* error = git_error_last();
  const bool silent = error == nullptr || error->message == nullptr;
  return Error{what + ": " + (silent ? "libgit2 gives no reason" : quoted(error->message))};
}

std::string hex_of(const git_oid& id) {
  std::array<char, GIT_OID_HEXSZ + 1> text{};
  (void)git_oid_tostr(text.data(), text.size(), &id);
  return text.data();
}

Result<Library> Library::start() {
  if (git_libgit2_init() < 0) return git_failure("start libgit2");
  Library library;
  for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                          GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL}) {
    if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "") < 0) {
      return git_failure("turn off git's configuration outside the repository");
    }
  }
  if (git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0) < 0) {
    return git_failure("turn off libgit2's check of owners");
  }
  // These change how a repository is worked in, not what its objects mean. objectformat and
  // refstorage stay unknown, and are refused by name in source.cc.
  const std::array<const char*, 4> harmless = {"worktreeconfig", "preciousobjects", "partialclone",
                                               "relativeworktrees"};
  if (git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, harmless.data(), harmless.size()) < 0) {
    return git_failure("set the known extensions");
  }
  return library;
}

Library::~Library() {
  if (running_) (void)git_libgit2_shutdown();
}

}  // namespace carrel::slices
