package onednn

import (
	"testing"

	"visus/engine/enginetest"
)

func TestEngine(t *testing.T) { enginetest.Run(t, open(t)) }
