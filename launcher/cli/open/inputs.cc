#include "launcher/cli/open/inputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "profiles/base/text.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/parse.h"

namespace carrel::open {
namespace {

constexpr int kInvalid = 120;
constexpr int kMissing = 121;

Result<std::string> read_bounded(int fd, const std::string& shown) {
  std::string text;
  while (text.size() <= parse::kMaxSourceBytes) {
    const size_t before = text.size();
    text.resize(before + 65536);
    const ssize_t got = read(fd, text.data() + before, 65536);
    const int number = errno;
    text.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return text;
    if (got < 0 && number != EINTR) return Error{"read profile " + shown, number};
  }
  return Error{"profile " + shown + " is larger than 1 MiB"};
}

int code_for(int sys_errno) {
  return sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == EACCES || sys_errno == ELOOP
             ? kMissing
             : kInvalid;
}

/// Relative sources start at the profile's folder; only here may `..` climb.
Result<UniqueFd> open_repository(const model::Repository& repository, const std::string& profile) {
  std::string path = repository.source;
  if (path.empty() || path[0] != '/') {
    const size_t slash = profile.rfind('/');
    path = (slash == std::string::npos ? std::string() : profile.substr(0, slash + 1)) + path;
  }
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) {
    return errno_error("repository " + quoted(repository.name) + ": open " + quoted(path));
  }
  return folder;
}

}  // namespace

Result<Inputs> read_inputs(const std::string& profile_path, InputFailure* failure) {
  const auto fail = [failure](int code, const Error& error) {
    *failure = InputFailure{code, to_string(error)};
    return error;
  };
  const std::string shown = quoted(profile_path);
  const UniqueFd file(::open(profile_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    const Error error = errno_error("open profile " + shown);
    return fail(code_for(error.sys_errno), error);
  }
  struct stat what {};
  if (fstat(file.get(), &what) == 0 && !S_ISREG(what.st_mode)) {
    return fail(kInvalid, Error{"profile " + shown + " is not a file"});
  }
  Inputs inputs;
  Result<std::string> source = read_bounded(file.get(), shown);
  if (!source.ok()) return fail(kInvalid, source.error());
  inputs.source = source.take();
  Result<parse::ParsedProfile> parsed = parse::parse_profile(inputs.source, profile_path);
  if (!parsed.ok()) return fail(kInvalid, parsed.error());
  inputs.profile = parsed.take().profile;
  inputs.canonical = parse::to_canonical(inputs.profile);
  for (const model::Repository& repository : inputs.profile.repositories) {
    Result<UniqueFd> folder = open_repository(repository, profile_path);
    if (!folder.ok()) return fail(kMissing, folder.error());
    inputs.repositories.push_back(folder.take());
  }
  return inputs;
}

}  // namespace carrel::open
