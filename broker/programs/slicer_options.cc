#include "broker/programs/slicer_options.h"

#include <string>
#include <string_view>

#include "broker/service/slices/exposure.h"
#include "profiles/base/text.h"

namespace carrel::programs {
namespace {

constexpr size_t kMaxEntries = 65'536;

/// A repository's name in a profile: it goes into a commit message.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text[0] != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

Status add_entry(std::string_view text, std::vector<RelPath>& list) {
  ASSIGN_OR_RETURN(RelPath path, RelPath::parse(text));
  for (const std::string& part : path.parts()) {
    if (slices::is_git_folder_name(part)) return Error{"entry \"" + quoted(text) + "\" names .git"};
  }
  if (list.size() >= kMaxEntries) return Error{"too many entries"};
  list.push_back(std::move(path));
  return Done{};
}

Status take(std::string_view option, std::string_view value, slices::SliceRequest& request) {
  if (option == "--read") return add_entry(value, request.read);
  if (option == "--write") return add_entry(value, request.write);
  if (option == "--never") return add_entry(value, request.never);
  if (value.empty()) return Error{std::string(option) + ": the value is empty"};
  if (option == "--ref") {
    request.ref = value;
  } else if (option == "--name") {
    if (!is_name(value)) return Error{"--name: no repository is called \"" + quoted(value) + "\""};
    request.name = value;
  } else if (option == "--repository") {
    request.repository = value;
  } else if (option == "--output") {
    request.output = value;
  } else {
    return Error{"unknown argument \"" + quoted(option) + "\""};
  }
  return Done{};
}

}  // namespace

Result<SlicerOptions> parse_slicer_options(int argc, const char* const* argv) {
  SlicerOptions options;
  slices::SliceRequest& request = options.request;
  request.repository = "/repository";
  request.output = "/output";
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--resolve") options.job = SlicerJob::kResolve;
  if (first == "--mend") options.job = SlicerJob::kMend;
  for (int i = options.job == SlicerJob::kSlice ? 1 : 2; i < argc; i += 2) {
    if (i + 1 >= argc) return Error{"\"" + quoted(argv[i]) + "\": value missing"};
    RETURN_IF_ERROR(take(argv[i], argv[i + 1], request));
  }
  const bool names_one = !request.ref.empty() && !request.name.empty();
  if (options.job != SlicerJob::kMend && !names_one) return Error{"--ref and --name are required"};
  return options;
}

}  // namespace carrel::programs
