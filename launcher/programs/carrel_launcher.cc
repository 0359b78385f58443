// carrel-launcher: the privileged host service. Builds and ends workspaces; nothing else.

#include "launcher/service/launcher_main.h"

int main(int argc, char** argv) {
  return carrel::service::launcher_main(argc, argv);
}
