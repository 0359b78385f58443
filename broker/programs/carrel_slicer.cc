// carrel-slicer: makes the slice of one repository, in an internal workspace that shows it that
// repository and one empty folder; with --resolve only says on stdout which commit the ref names;
// with --mend puts a workspace's git settings back. Exit 0; 2 where the profile names what is not
// there, or the contractor left what cannot be mended; 1 otherwise, then with one sentence on
// stderr.

#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <string>

#include "broker/programs/slicer_options.h"
#include "broker/service/slices/mend.h"
#include "broker/service/slices/slice.h"
#include "broker/wire/manifest/slice_key.h"

namespace {

constexpr int kFailed = 1;
constexpr int kProfilesFault = 2;

carrel::Status say_commit(const carrel::slices::SliceRequest& request,
                          carrel::slices::Fault& fault) {
  ASSIGN_OR_RETURN(const std::string commit, carrel::slices::resolve(request, fault));
  const std::string answer = carrel::manifest::format_resolved(commit);
  if (fputs(answer.c_str(), stdout) < 0 || fflush(stdout) != 0) {
    return carrel::errno_error("say the commit");
  }
  return carrel::Done{};
}

carrel::Status do_job(const carrel::programs::SlicerOptions& options,
                      carrel::slices::Fault& fault) {
  switch (options.job) {
    case carrel::programs::SlicerJob::kResolve:
      return say_commit(options.request, fault);
    case carrel::programs::SlicerJob::kMend:
      return mend({options.request.repository, options.request.output}, fault);
    case carrel::programs::SlicerJob::kSlice:
      break;
  }
  return make_slice(options.request, fault);
}

int slicer_main(int argc, char** argv) {
  (void)umask(022);
  const auto options = carrel::programs::parse_slicer_options(argc, argv);
  if (!options.ok()) {
    (void)fprintf(stderr, "carrel-slicer: %s\n", to_string(options.error()).c_str());
    return kFailed;
  }
  carrel::slices::Fault fault = carrel::slices::Fault::kOther;
  const auto made = do_job(options.value(), fault);
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
