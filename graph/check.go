package graph

import (
	"errors"
	"fmt"
)

// Check reports the first thing that makes the graph illegal: a name defined twice, a node that reads what is not defined before it,
// an output that nobody makes, a node of a domain whose opset is not named.
func (g *Graph) Check() error {
	if err := g.check(nil, g.Opsets); err != nil {
		return g.fail(err)
	}
	return nil
}

// scope is the names defined so far in a graph, inside those of the graphs around it.
type scope struct {
	names map[string]bool
	outer *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.names[name] {
			return true
		}
	}
	return false
}

func (s *scope) define(name string) error {
	if name == "" {
		return errors.New("a value without a name")
	}
	if s.names[name] {
		return fmt.Errorf("%q is defined twice", name)
	}
	s.names[name] = true
	return nil
}

// unique reports a name that the graph defines twice; sorting would call it a cycle.
func (g *Graph) unique() error {
	s := &scope{names: map[string]bool{}}
	if err := g.defineGiven(s); err != nil {
		return err
	}
	for _, n := range g.Nodes {
		if err := n.defineOutputs(s); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}

func (g *Graph) defineGiven(s *scope) error {
	for _, v := range g.Inputs {
		if err := s.define(v.Name); err != nil {
			return fmt.Errorf("input: %w", err)
		}
	}
	for _, c := range g.Initializers {
		if err := s.define(c.Name); err != nil {
			return fmt.Errorf("initializer: %w", err)
		}
	}
	return nil
}

func (n *Node) defineOutputs(s *scope) error {
	for _, name := range n.Outputs {
		if name == "" {
			continue
		}
		if err := s.define(name); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}

func (g *Graph) check(outer *scope, opsets map[string]int64) error {
	s := &scope{names: map[string]bool{}, outer: outer}
	if err := g.defineGiven(s); err != nil {
		return err
	}
	for _, n := range g.Nodes {
		if err := n.check(s, opsets); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	for _, v := range g.Outputs {
		if !s.has(v.Name) {
			return fmt.Errorf("output %q is made by no node", v.Name)
		}
	}
	return nil
}

func (n *Node) check(s *scope, opsets map[string]int64) error {
	if n.Op == "" {
		return errors.New("it names no operator")
	}
	if _, ok := opsets[n.Domain]; !ok {
		return fmt.Errorf("the model names no opset of its domain %q", n.Domain)
	}
	for i, name := range n.Inputs {
		if name != "" && !s.has(name) {
			return fmt.Errorf("input %d, %q, is not defined", i, name)
		}
	}
	for _, a := range n.Attributes {
		if sub, ok := a.Value.(*Graph); ok {
			if err := sub.check(s, opsets); err != nil {
				return fmt.Errorf("in its %s: %w", a.Name, err)
			}
		}
	}
	return n.defineOutputs(s)
}
