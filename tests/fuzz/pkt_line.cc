// git's packets, one after the other: each stands for exactly its bytes.

#include "launcher/gateway/http/pkt_line.h"

#include <array>

#include "tests/fuzz/target.h"

FUZZ_TARGET(pkt_line) {
  using namespace carrel::gateway::http;
  while (true) {
    const auto read = next_packet(input);
    const auto* packet = std::get_if<PktLine>(&read);
    if (packet == nullptr) return;
    MUST(packet->size >= 4 && packet->size <= input.size() && packet->size <= 65520);
    MUST(packet->kind == PktLine::Kind::kData || packet->size == 4);
    if (packet->kind == PktLine::Kind::kData) {
      MUST(packet->text == input.substr(4, packet->size - 4));
      std::array<char, 8> digits{};
      std::snprintf(digits.data(), digits.size(), "%04zx", packet->size);
      const std::string text = digits.data() + std::string(packet->text);
      const auto again = next_packet(text);
      MUST(std::get<PktLine>(again).text == packet->text);
    }
    MUST(std::holds_alternative<NeedMore>(next_packet(input.substr(0, packet->size - 1))));
    input.remove_prefix(packet->size);
  }
}
