package traced

import "visus/eager"

// doubles are the functions that ONNX Runtime has for float32 only, written for float64 from those that it has.
var doubles = map[eager.UnaryOp]bool{
	eager.OpTan: true, eager.OpSinh: true, eager.OpCosh: true, eager.OpArctan: true, eager.OpArcsin: true, eager.OpArccos: true,
	eager.OpArcsinh: true, eager.OpArccosh: true, eager.OpArctanh: true,
}
