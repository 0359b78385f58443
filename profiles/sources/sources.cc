#include "profiles/sources/sources.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "profiles/base/text.h"
#include "profiles/base/unique_fd.h"

namespace carrel::sources {
namespace {

Result<std::string> read_all(const UniqueFd& file, const std::string& shown) {
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return errno_error("stat " + shown);
  if (!S_ISREG(facts.st_mode)) return Error{shown + " is not a regular file"};
  std::string text;
  while (text.size() <= parse::kMaxSourceBytes) {
    constexpr size_t kStep = 65536;
    const size_t before = text.size();
    text.resize(before + kStep);
    const ssize_t got = read(file.get(), text.data() + before, kStep);
    const int number = errno;
    text.resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0) return text;
    if (got < 0 && number != EINTR) return Error{"read " + shown, number};
  }
  return Error{shown + " is larger than 1 MiB"};
}

/// Opens `name`, a relative path, beneath a folder.
Result<std::string> read_beneath(const std::string& folder, const std::string& name) {
  const std::string shown = quoted(name) + " in " + quoted(folder);
  const UniqueFd root(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return errno_error("open " + quoted(folder));
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const UniqueFd file(
      static_cast<int>(syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how)));
  if (!file.valid()) return errno_error("open " + shown);
  return read_all(file, shown);
}

}  // namespace

parse::Lookup disk_lookup(std::string profile_path, std::string library) {
  const size_t slash = profile_path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : profile_path.substr(0, slash + 1);
  return [folder = std::move(folder),
          library = std::move(library)](std::string_view name) -> Result<std::string> {
    if (const auto complaint = parse::check_parent_name(name)) return Error{"it " + *complaint};
    const bool beside = parse::is_beside(name);
    return beside ? read_beneath(folder, std::string(name.substr(2)))
                  : read_beneath(library, std::string(name) + ".toml");
  };
}

std::string library_folder(const std::string& programs) {
  const char* chosen = getenv("CARREL_LIBRARY");  // NOLINT(concurrency-mt-unsafe): one thread
  if (chosen != nullptr && chosen[0] == '/') return chosen;
  return programs + "/library";
}

Result<std::string> read_source(const std::string& path) {
  const std::string shown = "profile \"" + quoted(path) + "\"";
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return errno_error("open " + shown);
  return read_all(file, shown);
}

}  // namespace carrel::sources
