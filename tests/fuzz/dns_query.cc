// Whatever comes to port 53: a query is answered with its own id and question, in a message that an
// independent reader takes whole; an address is told only of an allowed name, and means that name.

#include "launcher/gateway/dns/answers.h"
#include "launcher/gateway/dns/message.h"
#include "tests/fuzz/target.h"

namespace {

using namespace carrel::gateway;

size_t number_at(std::string_view bytes, size_t at) {
  MUST(at + 2 <= bytes.size());
  return static_cast<size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

/// The records behind the question: their data end with the message.
void must_be_whole(std::string_view reply, size_t at, size_t records) {
  for (; records > 0; --records) {
    MUST(at < reply.size());
    at += reply[at] == 0 ? 1U : 2U;  // the root, or a pointer to the question
    at += 8;
    at += 2 + number_at(reply, at);
  }
  MUST(at == reply.size());
}

void check_reply(const Query& query, std::string_view reply, const Decision& decision) {
  MUST(reply.size() <= 512);
  MUST(number_at(reply, 0) == query.id);
  MUST((number_at(reply, 2) & 0x8000) != 0);
  MUST((number_at(reply, 2) & 0xf) == static_cast<size_t>(decision.answer.code));
  MUST(number_at(reply, 4) == 1);
  MUST(reply.substr(12, query.question.size()) == query.question);
  MUST(number_at(reply, 8) == 0 && number_at(reply, 10) == (query.edns ? 1U : 0U));
  must_be_whole(reply, 12 + query.question.size(), number_at(reply, 6) + number_at(reply, 10));
  MUST(std::holds_alternative<std::monostate>(read_query(reply)));  // an answer is no query
}

/// The query as we would ask it is read as the same one.
void check_again(const Query& query) {
  std::string asked{static_cast<char>(query.id >> 8), static_cast<char>(query.id & 0xff)};
  asked += query.recursion_desired ? '\1' : '\0';
  asked += std::string_view("\0\0\1\0\0\0\0\0", 8);
  asked += query.edns ? '\1' : '\0';
  asked += query.question;
  if (query.edns) asked += std::string_view("\0\0\x29\4\xd0\0\0\0\0\0\0", 11);
  const auto read = read_query(asked);
  MUST(std::holds_alternative<Query>(read));
  const auto& again = std::get<Query>(read);
  MUST(again.id == query.id && again.name == query.name && again.type == query.type);
  MUST(again.klass == query.klass && again.question == query.question);
  MUST(again.edns == query.edns && again.recursion_desired == query.recursion_desired);
}

bool is_allowed(const std::string& name) {
  return name.find('x') == std::string::npos;
}

}  // namespace

FUZZ_TARGET(dns_query) {
  const auto read = read_query(input);
  if (const auto* refused = std::get_if<Refused>(&read)) {
    const std::string reply = write_refusal(*refused);
    MUST(reply.size() == 12 && reply.substr(0, 2) == input.substr(0, 2));
    MUST(refused->code != Rcode::kNoError);
    return;
  }
  const auto* query = std::get_if<Query>(&read);
  if (query == nullptr) return;
  check_again(*query);
  SyntheticNames names(choose_window(query->id));
  names.give("first.example.org");
  const Decision decision = decide(*query, is_allowed, names);
  check_reply(*query, write_answer(*query, decision.answer), decision);
  if (decision.answer.address.has_value()) {
    MUST(decision.reason == Reason::kAllowed && is_allowed(decision.name));
    MUST(names.name_of(*decision.answer.address) == decision.name);
    MUST(query->type == kTypeA && query->klass == kClassIn);
  }
  if (decision.reason == Reason::kDenied) MUST(decision.answer.code == Rcode::kNameError);
  MUST(names.size() == 1 || decision.reason == Reason::kAllowed ||
       decision.reason == Reason::kNoRecord);
}
