#include "launcher/cli/review/verbs.h"

namespace carrel::review {

int verify_session(const Subject& subject, const std::optional<evidence::TrustPolicy>& policy,
                   verify::PolicySource source, Shape shape, Output output) {
  const verify::VerifyReport report =
      verify::verify_record(subject.record_dir_fd, policy, subject.row.session());
  print(output.out, shape == Shape::kJson ? verify::render_json(report, source)
                                          : verify::render_text(report, source));
  return report.exit;
}

}  // namespace carrel::review
