#include "launcher/cli/review/net_text.h"
#include "launcher/cli/review/verbs.h"
#include "profiles/base/text.h"

namespace carrel::review {

int net(const Subject& subject, Shape shape, Output output) {
  const auto record = segments::RecordReader::open(subject.record_dir_fd);
  if (!record.ok()) {
    print(output.err, "carrel net: " + to_string(record.error()) + "\n");
    return kFailed;
  }
  const NetFacts facts = read_net_facts(record.value());
  print(output.out,
        shape == Shape::kJson ? net_json(subject.row.session(), facts) : net_text(facts));
  if (facts.damage.empty()) return kOk;
  print(output.err, "carrel net: the record is damaged: " + quoted(facts.damage) + "\n");
  return kFailed;
}

}  // namespace carrel::review
