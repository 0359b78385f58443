#pragma once
// For secret bytes that a library holds in a string of its own; our own are in a Secret.

#include <string>

namespace carrel {

/// Overwrites the bytes (explicit_bzero, whole capacity) and empties.
void wipe(std::string& bytes);

}  // namespace carrel
