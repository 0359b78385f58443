#pragma once
// The compiled BPF programs, embedded at build time, best variant first.

#include <array>
#include <string_view>

namespace carrel::trace {

struct Program {
  const char* name = "";   // "direct" | "probe"
  std::string_view bytes;  // an ELF file for the kernel's BPF loader
};

std::array<Program, 2> programs();

}  // namespace carrel::trace
