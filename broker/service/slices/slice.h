#pragma once
// A slice: the part of one commit that a profile exposes, as a working tree whose object store has
// never held anything else (docs/slices.md). Made by carrel-slicer in an internal workspace.

#include <cstdint>
#include <string>
#include <vector>

#include "profiles/base/paths.h"
#include "profiles/base/result.h"

namespace carrel::slices {

struct SliceRequest {
  std::string repository;  // a bare repository, or a checkout with a ".git" folder
  std::string output;      // an empty folder
  std::string name;        // of the repository in the profile
  std::string ref;         // a branch, tag or other reference, or a full commit id
  std::vector<RelPath> read;
  std::vector<RelPath> write;
  std::vector<RelPath> never;
};

/// Whose fault a refusal is: the profile names something that is not there (or not taken), or
/// anything else.
enum class Fault : uint8_t { kOther, kProfile };

/// Writes tree/, ro/, pristine/ and, as the last thing, manifest into the output folder. On failure
/// the Error is one sentence, `fault` is set, and there is no manifest; what else was written
/// stays. Files get modes below the caller's umask, which should be 022. Starts and ends libgit2.
Status make_slice(const SliceRequest& request, Fault& fault);

/// The id (40 hex digits) of the commit that the ref names now; of the request only `repository`,
/// `name` and `ref` count. Refuses what make_slice() refuses before it looks at files. Writes
/// nothing.
Result<std::string> resolve(const SliceRequest& request, Fault& fault);

}  // namespace carrel::slices
