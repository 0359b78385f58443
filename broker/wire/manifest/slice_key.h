#pragma once
// Which slices are the same: the name under which the launcher keeps one shared checkout, and the
// one line that carrel-slicer answers before there is a slice. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::manifest {

/// The shape of what carrel-slicer leaves. Raised whenever equal requests would give other bytes,
/// so that no workspace gets a checkout made by another version.
inline constexpr uint64_t kSliceFormat = 2;

/// Everything that a slice depends on.
struct SliceIdentity {
  /// What the source repository is on this host (its device and inode), so that no other repository
  /// can claim this one's slice by knowing a commit id. May be "".
  std::string origin;
  std::string commit;   // hex: what `ref` names in the source now
  std::string name;     // of the repository in the profile: it is in the slice's commit message
  std::string ref;      // as in the profile: the slice's branch is called after it
  std::string history;  // the profile's word
  std::string enforce;  // the profile's word
  // Entries as RelPath spells them; order and repetition mean nothing.
  std::vector<std::string> read;
  std::vector<std::string> write;
  std::vector<std::string> never;
};

/// 64 hex digits, equal for equal slices and, as SHA-256 goes, different for different ones. Good
/// as a file name.
std::string slice_key(const SliceIdentity& identity);

/// What `carrel-slicer --resolve` says on stdout: "commit HEX\n".
std::string format_resolved(std::string_view commit);

/// Its strict inverse, for hostile bytes: the 40 hex digits.
Result<std::string> parse_resolved(std::string_view bytes);

/// Most bytes that an answer has.
inline constexpr size_t kMaxResolvedBytes = 48;

}  // namespace carrel::manifest
