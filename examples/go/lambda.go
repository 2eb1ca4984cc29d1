// What Lambda's Go package does, for a program that has the event on stdin and its answer on stdout.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"
)

type requestID struct{}

// RequestID is the id of the event that a handler's context belongs to.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestID{}).(string)
	return id
}

// Start calls the handler with the event, whose context ends with the event's time. What it returns is the answer, as JSON;
// an error is the end of the program, and its text is the end of stderr, which the caller gets.
func Start[Event, Answer any](handler func(context.Context, Event) (Answer, error)) {
	ctx := context.WithValue(context.Background(), requestID{}, os.Getenv("BULKHEAD_REQUEST_ID"))
	if deadline, err := strconv.ParseInt(os.Getenv("BULKHEAD_DEADLINE_MS"), 10, 64); err == nil {
		limited, cancel := context.WithDeadline(ctx, time.UnixMilli(deadline))
		defer cancel()
		ctx = limited
	}
	var event Event
	if err := json.NewDecoder(os.Stdin).Decode(&event); err != nil {
		fail(fmt.Errorf("the event cannot be read: %w", err))
	}
	answer, err := handler(ctx, event)
	if err != nil {
		fail(err)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		fail(fmt.Errorf("the answer cannot be written: %w", err))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
