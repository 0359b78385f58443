#include "launcher/watch/notify/notify_main.h"

int main() {
  return carrel::notify::notify_main();
}
