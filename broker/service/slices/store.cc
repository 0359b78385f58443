#include "broker/service/slices/store.h"

#include <git2/sys/repository.h>

namespace carrel::slices {
namespace {

constexpr int kBeforeAllOthers = 999;

}  // namespace

Result<ObjectStore> ObjectStore::open(const std::string& objects) {
  ObjectStore store;
  git_odb* odb = nullptr;
  if (git_odb_open(&odb, objects.c_str()) < 0) return git_failure("open the object store");
  store.odb_.reset(odb);
  if (git_mempack_new(&store.memory_) < 0) return git_failure("make a store in memory");
  if (git_odb_add_backend(odb, store.memory_, kBeforeAllOthers) < 0) {
    store.memory_->free(store.memory_);
    return git_failure("join the object stores");
  }
  git_repository* repository = nullptr;
  if (git_repository_wrap_odb(&repository, odb) < 0) return git_failure("wrap the object store");
  store.repository_.reset(repository);
  return store;
}

Result<Git<git_odb_object>> ObjectStore::read(const git_oid& id, git_object_t type,
                                              size_t limit) const {
  size_t size = 0;
  git_object_t stored = GIT_OBJECT_INVALID;
  if (git_odb_read_header(&size, &stored, odb_.get(), &id) < 0) {
    return git_failure("read object " + hex_of(id));
  }
  if (stored != type)
    return Error{"object " + hex_of(id) + " is not of the kind that its tree says"};
  if (size > limit) return Error{"object " + hex_of(id), EFBIG};
  git_odb_object* object = nullptr;
  if (git_odb_read(&object, odb_.get(), &id) < 0) return git_failure("read object " + hex_of(id));
  return Git<git_odb_object>(object);
}

Result<git_oid> ObjectStore::add(std::string_view bytes, git_object_t type) {
  git_oid id{};
  if (git_odb_hash(&id, bytes.data(), bytes.size(), type) < 0) return git_failure("hash an object");
  // Not git_odb_write(): where the full repository has the object it would touch the file's times.
  if (memory_->write(memory_, &id, bytes.data(), bytes.size(), type) < 0) {
    return git_failure("keep an object");
  }
  return id;
}

std::string_view bytes_of(const git_odb_object* object) {
  // libgit2 hands out a non-const accessor only.
  auto* it = const_cast<git_odb_object*>(object);
  return {static_cast<const char*>(git_odb_object_data(it)), git_odb_object_size(it)};
}

}  // namespace carrel::slices
