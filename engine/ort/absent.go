//go:build !unix || !cgo

package ort

import (
	"errors"

	"visus/tensor"
)

var errAbsent = errors.New("this build of visus cannot load it: build with cgo on Linux or macOS")

func load(string) (string, error) { return "", errAbsent }

type model struct {
	bytes []byte
	path  string
}

type session struct{}

func newSession(model, int, bool, string, string) (session, error) { return session{}, errAbsent }

func (session) elementType(bool, int) (tensor.Type, error) { return tensor.Invalid, errAbsent }

type call struct{}

func newCall(session, []string, []string) (*call, error) { return nil, errAbsent }

func (*call) free()                                      {}
func (*call) stop()                                      {}
func (*call) goOn()                                      {}
func (*call) run(inputs, outputs []*tensor.Tensor) error { return errAbsent }
