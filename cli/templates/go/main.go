// A handler in Go: a typed event in, a typed answer out.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Event is what the handler is called with.
type Event struct {
	Name string `json:"name"`
}

// Answer is what it returns.
type Answer struct {
	Message string `json:"message"`
}

// A greeting. What is written to stderr is in the log; an error is the error of the event.
func handle(ctx context.Context, event Event) (Answer, error) {
	fmt.Fprintln(os.Stderr, "request", RequestID(ctx))
	if event.Name == "" {
		return Answer{}, errors.New("the event has no name")
	}
	return Answer{Message: "Hello " + event.Name + "!"}, nil
}

func main() {
	Start(handle)
}
