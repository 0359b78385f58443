#pragma once
// Result<T> is the only way a Carrel function reports failure: the world refused, and why.

#include <string>
#include <utility>
#include <variant>

namespace carrel {

/// What was attempted, and errno when a system call refused it (0 otherwise).
struct Error {
  std::string what;
  int sys_errno = 0;
  bool operator==(const Error&) const = default;
};

struct Done {
  bool operator==(const Done&) const = default;
};

/// A value or an Error. Discarding one is a compile error (with -Werror).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return std::holds_alternative<T>(state_); }
  [[nodiscard]] const Error& error() const { return std::get<Error>(state_); }
  [[nodiscard]] const T& value() const { return std::get<T>(state_); }
  Error take_error() { return std::get<Error>(std::move(state_)); }
  T take() { return std::get<T>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Done>;

/// "what: EPERM (Operation not permitted)", or only what when no errno is set.
std::string to_string(const Error& error);

/// The symbolic name of an errno ("EPERM"), or "errno 4095" for one without.
std::string errno_name(int number);

/// An Error for a system call that just failed: takes errno from the caller's thread.
Error errno_error(std::string what);

}  // namespace carrel

#define CARREL_CONCAT_INNER(a, b) a##b
#define CARREL_CONCAT(a, b) CARREL_CONCAT_INNER(a, b)

/// RETURN_IF_ERROR(mount_proc(root));
#define RETURN_IF_ERROR(expression)                                                       \
  do {                                                                                    \
    if (auto try_status = (expression); !try_status.ok()) return try_status.take_error(); \
  } while (false)

/// ASSIGN_OR_RETURN(UniqueFd log, disk.open_append(path));
#define ASSIGN_OR_RETURN(declaration, expression)             \
  auto CARREL_CONCAT(try_result_, __LINE__) = (expression);   \
  if (!CARREL_CONCAT(try_result_, __LINE__).ok())             \
    return CARREL_CONCAT(try_result_, __LINE__).take_error(); \
  declaration = CARREL_CONCAT(try_result_, __LINE__).take()
