#pragma once
// The launcher from its arguments to its end: wiring only.

namespace carrel::service {

/// Runs it; the exit status. What keeps it from starting is said on the ready descriptor.
int launcher_main(int argc, const char* const* argv);

}  // namespace carrel::service
