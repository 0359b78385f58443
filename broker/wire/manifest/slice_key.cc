#include "broker/wire/manifest/slice_key.h"

#include <algorithm>

#include "broker/record/evidence/sha256.h"
#include "profiles/base/text.h"

namespace carrel::manifest {
namespace {

constexpr std::string_view kResolved = "commit ";
constexpr size_t kCommitDigits = 40;

/// A field with its length before it, so that no two lists of fields give the same bytes.
void put(std::string_view field, std::string& out) {
  out += std::to_string(field.size());
  out += ':';
  out += field;
}

void put(std::vector<std::string> list, std::string& out) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  put(std::to_string(list.size()), out);
  for (const std::string& each : list)
    put(each, out);
}

}  // namespace

std::string slice_key(const SliceIdentity& identity) {
  std::string bytes;
  put("carrel-slice " + std::to_string(kSliceFormat), bytes);
  for (const std::string* field : {&identity.origin, &identity.commit, &identity.name,
                                   &identity.ref, &identity.history, &identity.enforce}) {
    put(*field, bytes);
  }
  for (const auto* list : {&identity.read, &identity.write, &identity.never})
    put(*list, bytes);
  return to_hex(evidence::as_view(evidence::sha256(bytes)));
}

std::string format_resolved(std::string_view commit) {
  return std::string(kResolved) + std::string(commit) + "\n";
}

Result<std::string> parse_resolved(std::string_view bytes) {
  const Error wrong{"the slicer's answer is not \"commit\" and 40 hex digits"};
  if (!bytes.starts_with(kResolved) || !bytes.ends_with('\n')) return wrong;
  bytes.remove_prefix(kResolved.size());
  bytes.remove_suffix(1);
  if (bytes.size() != kCommitDigits) return wrong;
  if (bytes.find_first_not_of("0123456789abcdef") != std::string_view::npos) return wrong;
  return std::string(bytes);
}

}  // namespace carrel::manifest
