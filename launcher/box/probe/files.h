#pragma once
// Small texts that the kernel makes up (proc(5), cgroups(7)).

#include <string>
#include <string_view>

namespace carrel::probe {

/// At most 1 MiB of a file; "" when it cannot be read.
std::string read_bounded(const std::string& path);

/// Whether one of the words of a text, by blanks and line ends, is this one. Pure.
bool has_word(std::string_view text, std::string_view word);

}  // namespace carrel::probe
