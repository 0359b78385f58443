#pragma once
// One git pack, written object by object while the slice's files are written, so that every blob is
// read once. No deltas: finding them took libgit2 five times as long as all the rest.

#include <zlib.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/service/slices/git.h"

struct evp_md_ctx_st;

namespace carrel::slices {

class PackWriter {
 public:
  /// Begins a pack in `folder` of exactly these objects; one named twice is written once.
  static Result<PackWriter> create(const std::string& folder, const std::vector<git_oid>& ids);

  /// Adds an object of the list; nothing happens where it has been added before.
  Status add(const git_oid& id, git_object_t type, std::string_view bytes);
  /// Ends pack and index; every object must have been added, with the bytes that its id says.
  Status finish();

 private:
  struct Before {
    bool operator()(const git_oid& a, const git_oid& b) const { return git_oid_cmp(&a, &b) < 0; }
  };
  struct Free {
    void operator()(git_indexer* it) const { git_indexer_free(it); }
    void operator()(z_stream* it) const;
    void operator()(evp_md_ctx_st* it) const;
  };

  PackWriter() = default;
  Status deflate_object(std::string_view bytes);
  /// Hands what is buffered to the indexer.
  Status flush(bool hashed);

  std::unique_ptr<git_indexer, Free> indexer_;
  std::unique_ptr<z_stream, Free> deflater_;
  std::unique_ptr<evp_md_ctx_st, Free> hash_;  // of the pack so far
  std::set<git_oid, Before> missing_;
  std::string buffer_;
};

}  // namespace carrel::slices
