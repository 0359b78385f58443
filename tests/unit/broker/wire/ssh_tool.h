#pragma once
// OpenSSH's own ssh-keygen, asked about files of ours.

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/folder.h"

namespace carrel::ssh {

/// Writes a file as only its owner may read it, which ssh-keygen wants of a private key.
inline std::string write_file(const support::Folder& folder, const std::string& name,
                              std::string_view bytes) {
  const std::string path = folder / name;
  std::ofstream(path, std::ios::binary) << bytes;
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  return path;
}

/// What ssh-keygen prints, errors included.
inline std::string ssh_keygen(const std::string& words) {
  std::string out;
  FILE* pipe = popen(("TZ=UTC ssh-keygen " + words + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::array<char, 1024> buffer{};
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), got);
  EXPECT_EQ(pclose(pipe), 0) << out;
  return out;
}

}  // namespace carrel::ssh
