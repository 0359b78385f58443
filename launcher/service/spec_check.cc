#include "launcher/service/spec_check.h"

#include <cerrno>
#include <initializer_list>
#include <string>
#include <string_view>

#include "profiles/base/ulid.h"

namespace carrel::service {

Status check_spec(const protocol::SessionSpec& spec) {
  if (is_ulid(spec.session()) && is_ulid(spec.workspace())) return Done{};
  return Error{"the broker named a session or workspace by what is no id", EPROTO};
}

Status check_request(const protocol::LaunchRequest& request) {
  constexpr size_t kMaxValue = 64;
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+@";
  for (const std::string* value : {&request.term(), &request.lang()}) {
    if (value->size() > kMaxValue || value->find_first_not_of(kAllowed) != std::string::npos) {
      return Error{"TERM or LANG of the caller is not a plain word of at most 64 letters"};
    }
  }
  return Done{};
}

}  // namespace carrel::service
