#pragma once
// Whether asking for more network helps where the gateway has refused a request: one answer for
// what its client reads and what the screen says. Pure.

#include <string_view>

namespace carrel::decide {

/// Whether such a request passes where every request to its host's port is granted; `reason` is the
/// word of http.request, `method` as it was read ("": it was not). False where no rule of the
/// profile is in the way, but what the request, the answer or the server is.
bool grant_helps(std::string_view reason, std::string_view method);

}  // namespace carrel::decide
