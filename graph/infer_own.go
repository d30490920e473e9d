package graph

// OwnDomain is the domain of visus's own operators.
const OwnDomain = "visus"

// ownRules are the shape rules of visus's own operators, which graph/grad writes and graph/lower turns into ONNX's.
var ownRules = map[string]rule{
	"StopGradient": inferSame, "StraightThrough": inferSame, "ClipGradientNorm": inferSame, "RedirectedRelu": inferSame,
}
