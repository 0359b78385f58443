// damage_record RECORD POLICY SESSION: damages every byte of a small record, one after the other,
// and cuts each of its files at every length; verification must say so each time. Prints what it
// did and exits 1 at the first damage that went unnoticed. Works in place and restores.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "broker/record/evidence/policy.h"
#include "broker/record/verify/verify.h"
#include "profiles/base/unique_fd.h"

namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

struct Checker {
  carrel::UniqueFd folder;
  carrel::evidence::TrustPolicy policy;
  std::string session;
  [[nodiscard]] carrel::verify::VerifyReport report() const {
    return carrel::verify::verify_record(folder.get(), policy, session);
  }
};

/// True when the damage is noticed and, for flips, the file is named.
bool noticed(const Checker& checker, const std::string& name, size_t at, const char* how) {
  const auto report = checker.report();
  const bool refused = report.exit == 4 || report.exit == 5;
  const bool named = report.first_bad.has_value() && !report.first_bad->file.empty();
  if (refused && named) return true;
  fprintf(stderr, "%s at %zu of %s: exit %d%s\n", how, at, name.c_str(), report.exit,
          named ? "" : ", nothing named");
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string folder = argv[1];
  auto policy = carrel::evidence::parse_policy(slurp(argv[2]));
  if (!policy.ok()) return 2;
  const Checker checker{carrel::UniqueFd(open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                        policy.take(), argv[3]};
  if (checker.report().exit != 0) {
    fprintf(stderr, "the undamaged record does not verify: exit %d\n", checker.report().exit);
    return 1;
  }
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(entry.path().string());
  }
  std::sort(names.begin(), names.end());
  size_t flips = 0;
  size_t cuts = 0;
  for (const std::string& name : names) {
    const std::string good = slurp(name);
    for (size_t i = 0; i < good.size(); ++i, ++flips) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      put(name, bad);
      if (!noticed(checker, name, i, "flip")) return 1;
    }
    for (size_t i = 0; i < good.size(); ++i, ++cuts) {
      put(name, good.substr(0, i));
      if (!noticed(checker, name, i, "cut")) return 1;
    }
    std::filesystem::remove(name);
    if (!noticed(checker, name, 0, "removal")) return 1;
    put(name, good + "x");
    if (!noticed(checker, name, good.size(), "growth")) return 1;
    put(name, good);
  }
  if (checker.report().exit != 0) return 1;
  printf("%zu files, %zu flips, %zu cuts noticed\n", names.size(), flips, cuts);
  return 0;
}
