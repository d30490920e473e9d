// Package onnx is the wire format of ONNX files as Go types, generated from onnx.proto. Package graph gives them meaning.
package onnx

//go:generate go run ./generate
