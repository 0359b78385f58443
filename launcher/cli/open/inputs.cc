#include "launcher/cli/open/inputs.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "profiles/base/text.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/resolve.h"
#include "profiles/sources/sources.h"

namespace carrel::open {
namespace {

constexpr int kInvalid = 120;
constexpr int kMissing = 121;

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

Result<Inputs> read_inputs(const std::string& profile_path, const std::string& library,
                           InputFailure* failure) {
  const auto fail = [failure](int code, const Error& error) {
    *failure = InputFailure{code, to_string(error)};
    return error;
  };
  Inputs inputs;
  Result<std::string> source = sources::read_source(profile_path);
  if (!source.ok()) return fail(code_for(source.error().sys_errno), source.error());
  inputs.source = source.take();
  Result<parse::ResolvedProfile> resolved =
      parse::resolve(inputs.source, profile_path, sources::disk_lookup(profile_path, library));
  if (!resolved.ok()) return fail(kInvalid, resolved.error());
  parse::ResolvedProfile read = resolved.take();
  inputs.profile = std::move(read.profile);
  inputs.parents = std::move(read.parents);
  inputs.canonical = parse::to_canonical(inputs.profile);
  for (const model::Repository& repository : inputs.profile.repositories) {
    Result<UniqueFd> folder = open_repository(repository, profile_path);
    if (!folder.ok()) return fail(kMissing, folder.error());
    inputs.repositories.push_back(folder.take());
  }
  return inputs;
}

}  // namespace carrel::open
