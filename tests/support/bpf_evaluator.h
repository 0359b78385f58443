#pragma once
// Runs a classic BPF program as seccomp(2) does, in user space: so that a filter can be tested for
// every input, without loading it. Refuses what the kernel's checker would refuse when it meets it.

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace carrel::tests {

/// The program's return value; nothing when it leaves the program, jumps or loads out of bounds,
/// uses an instruction that seccomp does not allow, or runs more steps than there are instructions.
inline std::optional<uint32_t> run_bpf(const std::vector<sock_filter>& program,
                                       const seccomp_data& data) {
  uint32_t accumulator = 0;
  uint32_t index = 0;
  std::array<uint32_t, BPF_MEMWORDS> memory{};
  size_t at = 0;
  for (size_t steps = 0; steps <= program.size(); ++steps) {
    if (at >= program.size()) return std::nullopt;
    const sock_filter& step = program[at];
    ++at;
    const auto branch = [&](bool taken) { at += taken ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k % 4 != 0 || step.k + 4 > sizeof data) return std::nullopt;
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_LD | BPF_IMM:
        accumulator = step.k;
        break;
      case BPF_LDX | BPF_IMM:
        index = step.k;
        break;
      case BPF_LD | BPF_MEM:
        if (step.k >= BPF_MEMWORDS) return std::nullopt;
        accumulator = memory[step.k];
        break;
      case BPF_ST:
        if (step.k >= BPF_MEMWORDS) return std::nullopt;
        memory[step.k] = accumulator;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_MISC | BPF_TAX:
        index = accumulator;
        break;
      case BPF_MISC | BPF_TXA:
        accumulator = index;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        branch(accumulator == step.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        branch(accumulator > step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        branch(accumulator >= step.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        branch((accumulator & step.k) != 0);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      case BPF_RET | BPF_A:
        return accumulator;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace carrel::tests
