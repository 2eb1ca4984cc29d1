// A handler in Go: a typed event in, a typed answer out.

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
)

// Event is what the handler is called with.
type Event struct {
	Name string `json:"name"`
	Fail string `json:"fail"`
	Loop bool   `json:"loop"`
}

// Answer is what it returns.
type Answer struct {
	Message string  `json:"message"`
	Events  int     `json:"events"`
	Random  float64 `json:"random"`
}

var events = 0

func handle(ctx context.Context, event Event) (Answer, error) {
	events++
	fmt.Fprintln(os.Stderr, "request", RequestID(ctx))
	if event.Fail != "" {
		return Answer{}, errors.New(event.Fail)
	}
	for event.Loop {
	}
	return Answer{Message: "Hello " + event.Name + "!", Events: events, Random: rand.Float64()}, nil
}

func main() {
	Start(handle)
}
