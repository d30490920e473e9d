//go:build !unix || !cgo

package ort

import (
	"context"

	"visus/tensor"
)

func load(string) (string, error) { return "", ErrNoBinding }

type session struct{}

func newSession(context.Context, model, settings) (session, error) { return session{}, ErrNoBinding }

func (session) elementType(bool, int) (tensor.Type, error) { return tensor.Invalid, ErrNoBinding }

type call struct{}

func newCall(session, []string, []string) (*call, error) { return nil, ErrNoBinding }

func (*call) free()                                      {}
func (*call) stop()                                      {}
func (*call) goOn()                                      {}
func (*call) run(inputs, outputs []*tensor.Tensor) error { return ErrNoBinding }
