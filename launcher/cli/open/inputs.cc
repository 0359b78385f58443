#include "launcher/cli/open/inputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "profiles/base/text.h"
#include "profiles/parse/canonical.h"
#include "profiles/parse/resolve.h"
#include "profiles/sources/sources.h"

namespace carrel::open {
namespace {

constexpr int kInvalid = 120;
constexpr int kMissing = 121;

/// At most 1 MiB; `what` names it in an Error.
Result<std::string> read_bounded(int fd, const std::string& what) {
  std::string text;
  while (text.size() <= parse::kMaxSourceBytes) {
    const size_t before = text.size();
    text.resize(before + 65536);
    const ssize_t got = read(fd, text.data() + before, 65536);
    const int number = errno;
    text.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return text;
    if (got < 0 && number != EINTR) return Error{"read " + what, number};
  }
  return Error{what + " is larger than 1 MiB"};
}

int code_for(int sys_errno) {
  return sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == EACCES || sys_errno == ELOOP
             ? kMissing
             : kInvalid;
}

/// A path that is relative to the folder of `profile`.
std::string beside(const std::string& profile, const std::string& path) {
  const size_t slash = profile.rfind('/');
  return (slash == std::string::npos ? std::string() : profile.substr(0, slash + 1)) + path;
}

/// Relative sources start at the profile's folder; only here may `..` climb.
Result<UniqueFd> open_repository(const model::Repository& repository, const std::string& profile) {
  std::string path = repository.source;
  if (path.empty() || path[0] != '/') path = beside(profile, path);
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) {
    return errno_error("repository " + quoted(repository.name) + ": open " + quoted(path));
  }
  return folder;
}

/// Fills `failure`, and is the Error.
Error failed(InputFailure* failure, int code, const Error& error) {
  *failure = InputFailure{code, to_string(error)};
  return error;
}

Result<std::string> read_source(const std::string& path, InputFailure* failure) {
  Result<std::string> source = sources::read_source(path);
  if (!source.ok()) return failed(failure, code_for(source.error().sys_errno), source.error());
  return source;
}

Status parse_source(Inputs& inputs, const parse::Lookup& lookup, InputFailure* failure) {
  Result<parse::ResolvedProfile> resolved = parse::resolve(inputs.source, inputs.path, lookup);
  if (!resolved.ok()) return failed(failure, kInvalid, resolved.error());
  parse::ResolvedProfile read = resolved.take();
  inputs.profile = std::move(read.profile);
  inputs.parents = std::move(read.parents);
  inputs.canonical = parse::to_canonical(inputs.profile);
  return Done{};
}

/// Relative to the profile's folder, and below it.
Status read_agreement(Inputs& inputs, InputFailure* failure) {
  if (!inputs.profile.purpose.agreement.has_value()) return Done{};
  const std::string& file = inputs.profile.purpose.agreement->file;
  const std::string path = beside(inputs.path, file);
  const UniqueFd text(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!text.valid()) {
    return failed(failure, kMissing, errno_error("open the agreement " + quoted(path)));
  }
  struct stat what {};
  if (fstat(text.get(), &what) == 0 && !S_ISREG(what.st_mode)) {
    return failed(failure, kInvalid, Error{"the agreement " + quoted(path) + " is not a file"});
  }
  Result<std::string> bytes = read_bounded(text.get(), "the agreement " + quoted(path));
  if (!bytes.ok()) return failed(failure, kInvalid, bytes.error());
  if (bytes.value().empty()) {
    return failed(failure, kInvalid, Error{"the agreement " + quoted(path) + " is empty"});
  }
  inputs.agreement_text = bytes.take();
  return Done{};
}

Status open_repositories(Inputs& inputs, InputFailure* failure) {
  for (const model::Repository& repository : inputs.profile.repositories) {
    Result<UniqueFd> folder = open_repository(repository, inputs.path);
    if (!folder.ok()) return failed(failure, kMissing, folder.error());
    inputs.repositories.push_back(folder.take());
  }
  return Done{};
}

}  // namespace

Result<Inputs> read_inputs(const std::string& profile_path, const std::string& library,
                           InputFailure* failure) {
  Inputs inputs;
  inputs.path = profile_path;
  ASSIGN_OR_RETURN(inputs.source, read_source(profile_path, failure));
  RETURN_IF_ERROR(parse_source(inputs, sources::disk_lookup(profile_path, library), failure));
  RETURN_IF_ERROR(read_agreement(inputs, failure));
  RETURN_IF_ERROR(open_repositories(inputs, failure));
  return inputs;
}

Result<Inputs> task_inputs(TaskProfile task, Sources sources, InputFailure* failure) {
  Inputs inputs;
  inputs.path = std::move(task.path);
  inputs.source = std::move(task.source);
  inputs.agreement_text = std::move(task.agreement_text);
  RETURN_IF_ERROR(parse_source(inputs, parse::lookup_in(task.extended), failure));
  if (sources == Sources::kOpen) RETURN_IF_ERROR(open_repositories(inputs, failure));
  return inputs;
}

Status check_sources(const Inputs& inputs) {
  for (const model::Repository& repository : inputs.profile.repositories) {
    const bool whole = !repository.source.empty() && repository.source[0] == '/';
    std::string path = whole ? repository.source : beside(inputs.path, repository.source);
    while (path.size() > 1 && path.back() == '/')
      path.pop_back();
    const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), &free);
    if (real == nullptr) {
      return errno_error("repository " + quoted(repository.name) + ": open " + quoted(path));
    }
    // `..` of a relative source is no link.
    if (whole && path != real.get()) {
      return Error{"repository " + quoted(repository.name) + ": " + quoted(path) + " leads to " +
                       quoted(real.get()) + ", and a service follows no links: name that folder",
                   ELOOP};
    }
    struct stat what {};
    if (stat(path.c_str(), &what) != 0 || !S_ISDIR(what.st_mode)) {
      return Error{"repository " + quoted(repository.name) + ": " + quoted(path) + " is no folder",
                   ENOTDIR};
    }
  }
  return Done{};
}

Result<Inputs> read_profile(const std::string& profile_path, const std::string& library,
                            InputFailure* failure) {
  Inputs inputs;
  const std::unique_ptr<char, decltype(&free)> whole(realpath(profile_path.c_str(), nullptr),
                                                     &free);
  if (whole == nullptr) {
    const Error error = errno_error("open profile " + quoted(profile_path));
    return failed(failure, code_for(error.sys_errno), error);
  }
  inputs.path = whole.get();
  ASSIGN_OR_RETURN(inputs.source, read_source(inputs.path, failure));
  RETURN_IF_ERROR(parse_source(inputs, sources::disk_lookup(inputs.path, library), failure));
  RETURN_IF_ERROR(read_agreement(inputs, failure));
  return inputs;
}

}  // namespace carrel::open
