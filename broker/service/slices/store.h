#pragma once
// The objects while a slice is made: blobs are read from the full repository, rebuilt trees and the
// commit live in memory, and nothing is ever written to the full repository.

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>

#include <string>
#include <string_view>

#include "broker/service/slices/git.h"

namespace carrel::slices {

class ObjectStore {
 public:
  /// `objects`: path of the full repository's object store.
  static Result<ObjectStore> open(const std::string& objects);

  /// For libgit2's functions that want a repository.
  [[nodiscard]] git_repository* repository() const { return repository_.get(); }
  /// The object, which must be of this type and, where `limit` is given, not larger.
  [[nodiscard]] Result<Git<git_odb_object>> read(const git_oid& id, git_object_t type,
                                                 size_t limit) const;
  /// Keeps a new object in memory.
  Result<git_oid> add(std::string_view bytes, git_object_t type);

 private:
  ObjectStore() = default;
  Git<git_odb> odb_;
  git_odb_backend* memory_ = nullptr;  // owned by odb_
  Git<git_repository> repository_;     // borrows odb_, so it goes first
};

/// The bytes of an object, valid as long as it.
std::string_view bytes_of(const git_odb_object* object);

}  // namespace carrel::slices
