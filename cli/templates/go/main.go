// A handler in Go: a typed event in, a typed response out.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Event is the input of the handler.
type Event struct {
	Name string `json:"name"`
}

// Answer is the response of the handler.
type Answer struct {
	Message string `json:"message"`
}

// handle returns a greeting. Lines on stderr go to the log; an error becomes the error of the event.
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
