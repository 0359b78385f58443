#include "launcher/cli/review/show_json.h"
#include "launcher/cli/review/show_text.h"
#include "launcher/cli/review/verbs.h"
#include "profiles/base/text.h"

namespace carrel::review {

int show(const Subject& subject, Shape shape, Output output) {
  const auto record = segments::RecordReader::open(subject.record_dir_fd);
  if (!record.ok()) {
    print(output.err, "carrel show: " + to_string(record.error()) + "\n");
    return kFailed;
  }
  const Facts facts = read_facts(record.value());
  const protocol::SessionRow row = told_by_record(subject.row, facts);
  print(output.out, shape == Shape::kJson ? show_json(row, facts) : show_text(row, facts));
  if (facts.damage.empty()) return kOk;
  print(output.err, "carrel show: the record is damaged: " + quoted(facts.damage) + "\n");
  return kFailed;
}

}  // namespace carrel::review
