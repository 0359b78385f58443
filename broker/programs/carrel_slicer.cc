// carrel-slicer: makes the slice of one repository, in an internal workspace that shows it that
// repository and one empty folder. Exit 0; 2 where the profile names what is not there; 1
// otherwise, then with one sentence on stderr.

#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <string>

#include "broker/programs/slicer_options.h"
#include "broker/service/slices/slice.h"

namespace {

constexpr int kFailed = 1;
constexpr int kProfilesFault = 2;

int slicer_main(int argc, char** argv) {
  (void)umask(022);
  const auto request = carrel::programs::parse_slicer_options(argc, argv);
  if (!request.ok()) {
    (void)fprintf(stderr, "carrel-slicer: %s\n", to_string(request.error()).c_str());
    return kFailed;
  }
  carrel::slices::Fault fault = carrel::slices::Fault::kOther;
  const auto made = carrel::slices::make_slice(request.value(), fault);
  if (made.ok()) return 0;
  (void)fprintf(stderr, "carrel-slicer: %s\n", to_string(made.error()).c_str());
  return fault == carrel::slices::Fault::kProfile ? kProfilesFault : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return slicer_main(argc, argv);
  } catch (const std::exception& failure) {
    (void)fprintf(stderr, "carrel-slicer: %s\n", failure.what());
    return kFailed;
  }
}
