#pragma once
// The slices of a state folder: STATE/slices/KEY/{tree,ro,pristine,manifest}, made once, never
// changed, shared by every workspace that shows the same paths of the same commit.

#include <string>

#include "launcher/service/folders.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"
#include "profiles/model/profile.h"

namespace carrel::service {

/// The name of a slice's folder: what the profile shows of the repository (a part of
/// exposure_of()), then manifest::slice_key() of what it showed when it was made. `commit`: of the
/// full repository; `repository_fd`: it. An Error where the repository cannot be looked at.
Result<std::string> slice_name(const model::Repository& repository, int repository_fd,
                               const std::string& commit);

/// Whether there is any slice of what the profile shows of the repository, of whatever commit: only
/// then is it worth asking which commit it has now.
Result<bool> may_have_slice(int slices_fd, const model::Repository& repository);

/// A folder for a slicer to fill, of the on-disk owner, under a name that no slice has.
Result<UniqueFd> begin_slice(int slices_fd, const std::string& maker);
/// Removes it again.
void drop_slice(int slices_fd, const std::string& maker);

/// Gives the filled folder the name of its slice; where another opening was quicker, its slice
/// stands and this one is dropped. Answers the slice.
Result<SlicedRepository> finish_slice(int slices_fd, const std::string& maker,
                                      const std::string& key, const std::string& repository);

/// A slice that is there; ENOENT when not.
Result<SlicedRepository> open_slice(int slices_fd, const std::string& key,
                                    const std::string& repository);

/// Removes what openings that died left half made. Only while no opening is under way.
Status clear_unfinished(int slices_fd);

}  // namespace carrel::service
