#pragma once
// A manifest lists what a slice's working tree holds when the contractor gets it: the read-only
// entries (bound over the tree) and every other file with its digest. The slicer writes it;
// launcher and session read it as hostile bytes. Format: docs/evidence-format.md, "Manifests".

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profiles/base/result.h"

namespace carrel::manifest {

inline constexpr size_t kMaxManifestBytes = size_t{256} << 20;
inline constexpr size_t kMaxReadOnlyEntries = 4096;
inline constexpr size_t kMaxFiles = 2'000'000;

/// The modification time of everything in a slice, 2020-01-01T00:00:00Z, but of the index, which is
/// an hour newer: git believes an index only about files that are older than it. The same in every
/// slice.
inline constexpr int64_t kFileTime = 1'577'836'800;
inline constexpr int64_t kIndexTime = kFileTime + 3600;

/// A readable entry without a writable path below it; entry i is the slicer's output ro/<i>.
struct ReadOnlyEntry {
  std::string path;  // relative to the working tree, as RelPath spells it
  bool folder = true;
  bool operator==(const ReadOnlyEntry&) const = default;
};

/// A file of the working tree outside the read-only entries. A symbolic link's contents are its
/// target.
struct File {
  std::string path;   // relative, as RelPath spells it
  uint32_t mode = 0;  // 0100644, 0100755 or 0120000 (git's three)
  uint64_t size = 0;
  std::string sha256;  // 32 bytes
  bool operator==(const File&) const = default;
};

/// `read_only` and `files` are sorted by the bytes of their paths, each path once. Nothing of
/// `files` is at or below a read-only entry or ".git".
struct Manifest {
  std::string commit;  // hex: the slice's one commit
  std::string source;  // hex: the commit of the full repository that it shows
  std::vector<ReadOnlyEntry> read_only;
  std::vector<File> files;
  bool operator==(const Manifest&) const = default;
};

/// NUL-terminated records: "carrel-manifest 1", "commit HEX", "source HEX", "readonly folder|file
/// PATH" …, "file MODE SIZE SHA256 PATH" …, "end COUNT".
std::string format_manifest(const Manifest& manifest);

/// Strict inverse: only what format_manifest() writes is accepted. Bounded as above. Pure.
Result<Manifest> parse_manifest(std::string_view bytes);

/// parse_manifest() of what a regular file holds.
Result<Manifest> read_manifest(int fd);

/// The same without the files: reads up to the first of them and looks no further, so that the
/// launcher never walks a tree's names. `bytes` may be cut behind the head.
Result<Manifest> parse_manifest_head(std::string_view bytes);

/// Most bytes that a head can take.
inline constexpr size_t kMaxHeadBytes = size_t{20} << 20;

/// The head of the manifest in a regular file, and where its files begin. Reads little more than
/// the head: opening a workspace costs the same however many files follow.
struct Head {
  Manifest manifest;  // without files
  size_t bytes = 0;
};
Result<Head> read_manifest_head(int fd);

/// One file's record, without its NUL, as strictly as above; what stands before it is not known.
Result<File> parse_file_record(std::string_view record);

}  // namespace carrel::manifest
