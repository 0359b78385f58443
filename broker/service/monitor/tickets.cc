#include "broker/service/monitor/tickets.h"

#include "broker/record/evidence/sha256.h"

namespace carrel::monitor {

std::string ticket_key(const std::string& ticket) {
  return std::string(evidence::as_view(evidence::sha256(ticket)));
}

}  // namespace carrel::monitor
