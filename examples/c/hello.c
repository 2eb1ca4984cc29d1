// A handler in C: a program that reads the event from stdin and writes its answer to stdout. All that it knows of Bulkhead is
// the name of a variable.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int events = 0;

int main(void) {
  char event[4096];
  size_t length = fread(event, 1, sizeof event - 1, stdin);
  event[length] = '\0';
  events += 1;
  fprintf(stderr, "request %s\n", getenv("BULKHEAD_REQUEST_ID"));
  if (strstr(event, "\"fail\"") != NULL) {
    fputs("the event asks for it\n", stderr);
    return EXIT_FAILURE;
  }
  for (volatile int loops = strstr(event, "\"loop\"") != NULL; loops;) {
  }
  printf("{\"message\":\"Hello %zu bytes!\",\"events\":%d,\"random\":%u}", length, events, arc4random());
  return EXIT_SUCCESS;
}
