// A workspace's list of names has one spelling; every address in it means one name.

#include "launcher/gateway/dns/synthetic.h"
#include "tests/fuzz/target.h"

FUZZ_TARGET(names_text) {
  using carrel::gateway::SyntheticNames;
  auto read = SyntheticNames::parse(input);
  if (!read.ok()) return;
  SyntheticNames names = read.take();
  MUST(names.text() == input);
  for (uint32_t i = 1; i <= names.size(); ++i) {
    const auto name = names.name_of(names.window().base + i);
    MUST(name.has_value() && names.find(*name) == names.window().base + i);
  }
  const bool was_there = names.find("new.example.org").has_value();
  const size_t before = names.size();
  if (!names.give("new.example.org").has_value()) return;
  MUST(names.size() == before + (was_there ? 0 : 1));
  MUST(SyntheticNames::parse(names.text()).ok());
}
