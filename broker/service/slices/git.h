#pragma once
// libgit2's objects as owners, its failures as Errors, and the library without any configuration of
// machine or person. Included by this component's sources only.

#include <git2.h>

#include <memory>
#include <string>
#include <utility>

#include "profiles/base/result.h"

namespace carrel::slices {

struct FreeGit {
  void operator()(git_repository* it) const { git_repository_free(it); }
  void operator()(git_reference* it) const { git_reference_free(it); }
  void operator()(git_object* it) const { git_object_free(it); }
  void operator()(git_commit* it) const { git_commit_free(it); }
  void operator()(git_tree* it) const { git_tree_free(it); }
  void operator()(git_config* it) const { git_config_free(it); }
  void operator()(git_odb* it) const { git_odb_free(it); }
  void operator()(git_odb_object* it) const { git_odb_object_free(it); }
  void operator()(git_index* it) const { git_index_free(it); }
};
template <typename T>
using Git = std::unique_ptr<T, FreeGit>;

/// The Error of a libgit2 call that just failed, in its own words, made safe to show.
Error git_failure(const std::string& what);

/// The 40 hex digits of an id.
std::string hex_of(const git_oid& id);

/// libgit2 from start() to destruction: it trusts whoever owns a repository (the launcher has
/// decided which one is shown), and reads no configuration outside of it.
class Library {
 public:
  static Result<Library> start();
  Library(Library&& other) noexcept : running_(std::exchange(other.running_, false)) {}
  Library& operator=(Library&&) = delete;
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

 private:
  Library() = default;
  bool running_ = true;
};

}  // namespace carrel::slices
