// A handler in C: a program that reads the event from stdin and writes its answer to stdout. All that it knows of Bulkhead is
// the name of a variable.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int events = 0;

// The whole event, which may have 6 MB, with a zero behind it.
static char *read_event(size_t *length) {
  size_t size = 4096;
  char *event = malloc(size);
  *length = 0;
  while (event != NULL) {
    size_t part = fread(event + *length, 1, size - *length - 1, stdin);
    if (part == 0) {
      event[*length] = '\0';
      return event;
    }
    *length += part;
    if (*length == size - 1) {
      size *= 2;
      event = realloc(event, size);
    }
  }
  return NULL;
}

int main(void) {
  size_t length;
  char *event = read_event(&length);
  events += 1;
  fprintf(stderr, "request %s\n", getenv("BULKHEAD_REQUEST_ID"));
  if (event == NULL) {
    fputs("there is no memory for the event\n", stderr);
    return EXIT_FAILURE;
  }
  if (strstr(event, "\"fail\"") != NULL) {
    fputs("the event asks for it\n", stderr);
    return EXIT_FAILURE;
  }
  if (strstr(event, "\"echo\"") != NULL) {
    return fwrite(event, 1, length, stdout) == length ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  for (volatile int loops = strstr(event, "\"loop\"") != NULL; loops;) {
  }
  printf("{\"message\":\"Hello %zu bytes!\",\"events\":%d,\"random\":%u}", length, events, arc4random());
  return EXIT_SUCCESS;
}
