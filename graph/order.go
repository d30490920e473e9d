package graph

import (
	"container/heap"
	"fmt"
)

// sortNodes returns the nodes in topological order: as they are where that is one already, otherwise with the earliest ready node
// first. A cycle is an error that names one of its nodes. Names that no node makes are no concern of this function.
func sortNodes(nodes []*Node) ([]*Node, error) {
	maker := map[string]int{}
	for i, n := range nodes {
		for _, o := range n.Outputs {
			if o != "" {
				maker[o] = i
			}
		}
	}
	waits, next, sorted := make([]int, len(nodes)), make([][]int, len(nodes)), true
	for i, n := range nodes {
		n.Reads(func(name string) {
			if from, ok := maker[name]; ok {
				waits[i]++
				next[from] = append(next[from], i)
				sorted = sorted && from < i
			}
		})
	}
	if sorted {
		return nodes, nil
	}
	ready := &indices{}
	for i := range nodes {
		if waits[i] == 0 {
			heap.Push(ready, i)
		}
	}
	out := make([]*Node, 0, len(nodes))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		out = append(out, nodes[i])
		for _, j := range next[i] {
			if waits[j]--; waits[j] == 0 {
				heap.Push(ready, j)
			}
		}
	}
	if len(out) < len(nodes) {
		return nodes, fmt.Errorf("%s is part of a cycle", nodes[onCycle(waits, next)])
	}
	return out, nil
}

// onCycle walks backwards among the nodes that never became ready until one comes again: that one lies on a cycle.
func onCycle(waits []int, next [][]int) int {
	from := make([]int, len(waits))
	start := -1
	for i, w := range waits {
		if w == 0 {
			continue
		}
		start = i
		for _, j := range next[i] {
			from[j] = i // a waiting node that i, waiting too, feeds
		}
	}
	seen := map[int]bool{}
	for !seen[start] {
		seen[start] = true
		start = from[start]
	}
	return start
}

// indices is a heap of node numbers, the earliest first.
type indices []int

func (h indices) Len() int           { return len(h) }
func (h indices) Less(i, j int) bool { return h[i] < h[j] }
func (h indices) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *indices) Push(x any)        { *h = append(*h, x.(int)) }
func (h *indices) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
