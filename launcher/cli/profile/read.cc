#include "launcher/cli/profile/read.h"

#include <cerrno>

#include "profiles/sources/sources.h"

namespace carrel::profile {

void print(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
}

std::optional<std::string> read_file(const std::string& path, std::FILE* err, int& code) {
  Result<std::string> source = sources::read_source(path);
  if (source.ok()) return source.take();
  print(err, "carrel: " + to_string(source.error()) + "\n");
  const int number = source.error().sys_errno;
  code = number == ENOENT || number == ENOTDIR || number == EACCES ? kNotFound : kInvalid;
  return std::nullopt;
}

std::optional<parse::ResolvedProfile> read_profile(const std::string& path, const Hooks& hooks,
                                                   std::FILE* err, int& code) {
  const std::optional<std::string> source = read_file(path, err, code);
  if (!source) return std::nullopt;
  Result<parse::ResolvedProfile> resolved =
      parse::resolve(*source, path, sources::disk_lookup(path, hooks.library));
  if (!resolved.ok()) {
    print(err, resolved.error().what + "\n");
    code = kInvalid;
    return std::nullopt;
  }
  for (const std::string& warning : resolved.value().warnings)
    print(err, "warning: " + warning + "\n");
  return resolved.take();
}

}  // namespace carrel::profile
