#include "launcher/box/network/steering.h"

namespace carrel::network {

std::string steering_rules() {
  const std::string synthetic(kSynthetic);
  const std::string listener = std::string(kListenerV4) + ":" + std::to_string(kListenerPort);
  const std::string group = std::to_string(kLogGroup);
  return "table inet carrel {\n"
         "  chain steer {\n"
         "    type filter hook prerouting priority mangle; policy accept;\n"
         "    iif lo meta l4proto tcp ip daddr " +
         synthetic + " tproxy ip to " + listener +
         " accept\n"
         "  }\n"
         "  chain tell {\n"
         "    limit rate 200/second burst 200 packets log group " +
         group +
         "\n"
         "  }\n"
         "  chain refuse_tcp {\n"
         "    counter\n"
         "    jump tell\n"
         "    reject with tcp reset\n"
         "  }\n"
         "  chain refuse_udp {\n"
         "    counter\n"
         "    jump tell\n"
         "    reject with icmpx port-unreachable\n"
         "  }\n"
         "  chain arrive {\n"
         "    type filter hook input priority 0; policy accept;\n"
         "    ip daddr 127.0.0.0/8 accept\n"
         "    ip6 daddr ::1 accept\n"
         "    ip daddr " +
         std::string(kOwnV4) +
         " accept\n"
         "    ip6 daddr " +
         std::string(kOwnV6) +
         " accept\n"
         "    meta l4proto tcp ip daddr " +
         synthetic +
         " accept\n"
         "    udp dport 53 accept\n"
         "    tcp dport 53 accept\n"
         "    tcp flags & (syn | ack) == syn jump refuse_tcp\n"
         "    meta l4proto udp jump refuse_udp\n"
         "  }\n"
         "}\n";
}

}  // namespace carrel::network
