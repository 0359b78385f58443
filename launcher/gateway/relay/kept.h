#pragma once
// What outlives a gateway that dies within its session: the bytes that each name has had, the
// number of the last connection, the session's authority. It lies in shared memory, which the
// launcher holds too and gives to the session's next gateway.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "launcher/gateway/relay/budgets.h"
#include "profiles/base/result.h"
#include "profiles/base/secret.h"
#include "profiles/base/unique_fd.h"

namespace carrel::gateway {

/// One thread's. What another gateway left is read with the distrust that one deserves which may
/// have been taken over before it died: it can lie about its numbers, as it could while it lived.
class Kept {
 public:
  static constexpr size_t kMostNames = 2048;  // a profile has 64, a session 1,000 grants
  static constexpr size_t kMostAuthority = size_t{256} << 10;

  /// New memory (memfd_create(2)) whose size is sealed.
  static Result<Kept> create();
  /// What create() made in a gateway before this one: of the same layout, its size sealed. Anything
  /// else is an Error.
  static Result<Kept> take_over(UniqueFd file);

  /// Borrowed.
  [[nodiscard]] int fd() const { return file_.get(); }
  /// The number of the next connection.
  [[nodiscard]] uint64_t& next_number();
  /// The bytes that a name has had, of which every change is kept at once; null where there is no
  /// room for one more name. Valid as long as this.
  [[nodiscard]] uint64_t* used(std::string_view host, Way way);
  /// Key and certificate of the session's authority, in PEM; an Error where they do not fit.
  Status keep_authority(const Secret& pem);
  /// What keep_authority() kept; empty for none.
  [[nodiscard]] Secret authority() const;

 private:
  struct Memory;
  struct Unmap {
    void operator()(Memory* memory) const;
  };
  static Result<Kept> map(UniqueFd file);
  UniqueFd file_;
  std::unique_ptr<Memory, Unmap> memory_;
};

}  // namespace carrel::gateway
