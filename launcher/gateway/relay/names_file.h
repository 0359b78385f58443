#pragma once
// The workspace's list of names on disk: what an address means is written down before anybody is
// told of it, so that it means the same after a crash and in every later session.

#include <cstdint>
#include <string>

#include "launcher/gateway/dns/synthetic.h"
#include "profiles/base/result.h"
#include "profiles/base/unique_fd.h"

namespace carrel::gateway {

class NamesFile {
 public:
  /// `file` is empty or holds a list; `random` chooses where the addresses of a new one begin. A
  /// last line that was not written whole is cut off: nobody was told of it.
  static Result<NamesFile> open(UniqueFd file, uint32_t random);

  SyntheticNames& names() { return names_; }
  /// Writes down what was given since; to be called before anybody is told. After an Error the file
  /// is as it was, and the next call tries again; where even that failed, each one is an Error.
  Status keep();
  /// Whether it is written down what this address means.
  [[nodiscard]] bool keeps(uint32_t address) const;

 private:
  NamesFile(UniqueFd file, SyntheticNames names)
      : file_(std::move(file)), names_(std::move(names)), kept_(names_.size()) {}
  UniqueFd file_;
  SyntheticNames names_;
  size_t kept_ = 0;
  bool spoiled_ = false;  // something that was not meant stands at the file's end
};

}  // namespace carrel::gateway
