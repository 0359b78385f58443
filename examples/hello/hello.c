/* The small C program of the demonstration: the contractor may change this folder. */
#include <stdio.h>

int main(int argc, char **argv) {
  printf("hello, %s\n", argc > 1 ? argv[1] : "reader");
  return 0;
}
