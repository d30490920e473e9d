//go:build !unix || !cgo

package ort

import (
	"context"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

func load(string) (string, error) { return "", ErrNoBinding }

type session struct{}

func newSession(context.Context, model, settings) (session, error) { return session{}, ErrNoBinding }

func (session) elementType(bool, int) (tensor.Type, error) { return tensor.Invalid, ErrNoBinding }

type call struct{}

func newCall(session, []graph.Value, []graph.Value, []engine.StatePort) (*call, error) {
	return nil, ErrNoBinding
}

func (*call) free()                                      {}
func (*call) state(i, bytes int) []byte                  { return nil }
func (*call) stop()                                      {}
func (*call) goOn()                                      {}
func (*call) run(inputs, outputs []*tensor.Tensor) error { return ErrNoBinding }
