package main

import (
	"context"
	"testing"
)

func TestItGreets(t *testing.T) {
	answer, err := handle(context.Background(), Event{Name: "world"})
	if err != nil || answer.Message != "Hello world!" {
		t.Fatal(answer, err)
	}
}

func TestAnEventWithoutANameIsAnError(t *testing.T) {
	if _, err := handle(context.Background(), Event{}); err == nil {
		t.Fatal("there is no error")
	}
}
