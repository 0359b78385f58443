#include "launcher/service/spec_check.h"

#include <cerrno>

#include "profiles/base/ulid.h"

namespace carrel::service {

Status check_spec(const protocol::SessionSpec& spec) {
  if (is_ulid(spec.session()) && is_ulid(spec.workspace())) return Done{};
  return Error{"the broker named a session or workspace by what is no id", EPROTO};
}

}  // namespace carrel::service
