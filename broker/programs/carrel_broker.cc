// carrel-broker: people, records, credentials. Confined before it reads a byte from anyone.

#include "broker/programs/broker_main.h"

int main(int argc, char** argv) {
  return carrel::programs::broker_main(argc, argv, {});
}
