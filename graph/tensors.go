package graph

import (
	"fmt"
	"unsafe"

	"visus/internal/onnx"
	"visus/tensor"
)

// kinds pairs our element types with those of the files.
var kinds = map[tensor.Type]onnx.TensorProto_DataType{
	tensor.Float32: onnx.TensorProto_FLOAT, tensor.Float64: onnx.TensorProto_DOUBLE, tensor.Float16: onnx.TensorProto_FLOAT16,
	tensor.BFloat16: onnx.TensorProto_BFLOAT16, tensor.Int8: onnx.TensorProto_INT8, tensor.Int16: onnx.TensorProto_INT16,
	tensor.Int32: onnx.TensorProto_INT32, tensor.Int64: onnx.TensorProto_INT64, tensor.Uint8: onnx.TensorProto_UINT8,
	tensor.Uint16: onnx.TensorProto_UINT16, tensor.Uint32: onnx.TensorProto_UINT32, tensor.Uint64: onnx.TensorProto_UINT64,
	tensor.Bool: onnx.TensorProto_BOOL,
}

// TypeNumber returns the number that ONNX files, and Cast's attribute "to", use for an element type; 0 for Invalid.
func TypeNumber(t tensor.Type) int64 { return int64(kinds[t]) }

// typeOf returns the element type of ONNX's number, Invalid where tensors have none.
func typeOf(number int32) tensor.Type {
	for t, n := range kinds {
		if int32(n) == number {
			return t
		}
	}
	return tensor.Invalid
}

// tensor reads a constant and empties the message of all that the tensor holds. It returns nil where tensors have no such element
// type; the message then stays whole, with external bytes brought in. Nothing is allocated before the bytes are known to be there.
func (d *decoder) tensor(p *onnx.TensorProto) (*tensor.Tensor, error) {
	shape := make([]int, len(p.Dims))
	for i, v := range p.Dims {
		if v < 0 || int64(int(v)) != v {
			return nil, fmt.Errorf("dimension %d of its shape %v is not a size", i, p.Dims)
		}
		shape[i] = int(v)
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		return nil, fmt.Errorf("its shape %v has too many elements", shape)
	}
	kind := typeOf(p.GetDataType())
	if p.GetDataLocation() == onnx.TensorProto_EXTERNAL {
		if p.RawData, err = d.files.read(p.ExternalData, kind.Size(), n); err != nil {
			return nil, err
		}
		p.ExternalData, p.DataLocation = nil, nil
	}
	if kind == tensor.Invalid || p.Segment != nil {
		return nil, checkOpaque(p, n)
	}
	t, err := values(p, kind, n, shape)
	if err != nil {
		return nil, err
	}
	p.Dims, p.DataType, p.RawData = nil, nil, nil
	p.FloatData, p.DoubleData, p.Int32Data, p.Int64Data, p.Uint64Data = nil, nil, nil, nil, nil
	return t, nil
}

func checkOpaque(p *onnx.TensorProto, n int) error {
	kind := onnx.TensorProto_DataType(p.GetDataType())
	if _, known := onnx.TensorProto_DataType_name[p.GetDataType()]; !known || kind == onnx.TensorProto_UNDEFINED {
		return fmt.Errorf("element type %d is unknown", p.GetDataType())
	}
	if kind == onnx.TensorProto_STRING && len(p.StringData) != n {
		return fmt.Errorf("its shape %v needs %d texts, found %d", p.Dims, n, len(p.StringData))
	}
	return nil
}

// values makes a tensor from the message's raw bytes or typed field, sharing memory where the layout is the same.
func values(p *onnx.TensorProto, kind tensor.Type, n int, shape []int) (*tensor.Tensor, error) {
	if len(p.RawData) > 0 || n == 0 {
		if len(p.RawData)%kind.Size() != 0 || len(p.RawData)/kind.Size() != n {
			return nil, fmt.Errorf("its shape %v of %s needs %d elements of %d bytes, found %d bytes", shape, kind, n, kind.Size(), len(p.RawData))
		}
		return FromBytes(kind, p.RawData, shape...)
	}
	switch kind {
	case tensor.Float32:
		return typed(p.FloatData, n, shape)
	case tensor.Float64:
		return typed(p.DoubleData, n, shape)
	case tensor.Int32:
		return typed(p.Int32Data, n, shape)
	case tensor.Int64:
		return typed(p.Int64Data, n, shape)
	case tensor.Uint64:
		return typed(p.Uint64Data, n, shape)
	case tensor.Uint32:
		return narrow[uint32](p.Uint64Data, n, shape)
	case tensor.Float16:
		return narrow[tensor.Half](p.Int32Data, n, shape)
	case tensor.BFloat16:
		return narrow[tensor.Brain](p.Int32Data, n, shape)
	case tensor.Int8:
		return narrow[int8](p.Int32Data, n, shape)
	case tensor.Int16:
		return narrow[int16](p.Int32Data, n, shape)
	case tensor.Uint8:
		return narrow[uint8](p.Int32Data, n, shape)
	case tensor.Uint16:
		return narrow[uint16](p.Int32Data, n, shape)
	}
	t, err := narrow[uint8](p.Int32Data, n, shape)
	if err != nil {
		return nil, err
	}
	return FromBytes(tensor.Bool, t.Bytes(), shape...)
}

func typed[T tensor.Element](data []T, n int, shape []int) (*tensor.Tensor, error) {
	if len(data) != n {
		return nil, fmt.Errorf("its shape %v needs %d elements, found %d", shape, n, len(data))
	}
	return tensor.Of(data, shape...)
}

// narrow converts the wide numbers that the format stores small ones in.
func narrow[T tensor.Half | tensor.Brain | int8 | int16 | uint8 | uint16 | uint32, W int32 | uint64](data []W, n int, shape []int) (*tensor.Tensor, error) {
	if len(data) != n {
		return nil, fmt.Errorf("its shape %v needs %d elements, found %d", shape, n, len(data))
	}
	out := make([]T, n)
	for i, w := range data {
		out[i] = T(w)
		if W(out[i]) != w {
			return nil, fmt.Errorf("element %d is %d, which does not fit its type %s", i, w, tensor.TypeOf[T]())
		}
	}
	return tensor.Of(out, shape...)
}

// FromBytes returns a tensor of little-endian elements that shares data where it is aligned for the type, and holds a copy otherwise.
// Bytes of a bool tensor other than 0 and 1 are read as true. It reports an error where the shape needs another number of bytes.
func FromBytes(kind tensor.Type, data []byte, shape ...int) (*tensor.Tensor, error) {
	n, err := tensor.Elements(shape)
	if err != nil {
		return nil, err
	}
	if kind.Size() == 0 || len(data)%kind.Size() != 0 || len(data)/kind.Size() != n {
		return nil, fmt.Errorf("graph: shape %v of %s does not have %d bytes", shape, kind, len(data))
	}
	if n == 0 {
		return tensor.New(kind, shape...), nil
	}
	if kind == tensor.Bool {
		t := tensor.New(kind, shape...)
		for i, b := range data {
			t.Bytes()[i] = min(b, 1)
		}
		return t, nil
	}
	if uintptr(unsafe.Pointer(&data[0]))%uintptr(kind.Size()) != 0 {
		t := tensor.New(kind, shape...)
		copy(t.Bytes(), data)
		return t, nil
	}
	return share(kind, data, shape)
}

func share(kind tensor.Type, data []byte, shape []int) (*tensor.Tensor, error) {
	switch kind {
	case tensor.Float32:
		return view[float32](data, shape)
	case tensor.Float64:
		return view[float64](data, shape)
	case tensor.Float16:
		return view[tensor.Half](data, shape)
	case tensor.BFloat16:
		return view[tensor.Brain](data, shape)
	case tensor.Int8:
		return view[int8](data, shape)
	case tensor.Int16:
		return view[int16](data, shape)
	case tensor.Int32:
		return view[int32](data, shape)
	case tensor.Int64:
		return view[int64](data, shape)
	case tensor.Uint8:
		return view[uint8](data, shape)
	case tensor.Uint16:
		return view[uint16](data, shape)
	case tensor.Uint32:
		return view[uint32](data, shape)
	}
	return view[uint64](data, shape)
}

func view[T tensor.Element](data []byte, shape []int) (*tensor.Tensor, error) {
	return tensor.Of(unsafe.Slice((*T)(unsafe.Pointer(&data[0])), len(data)/tensor.TypeOf[T]().Size()), shape...)
}
