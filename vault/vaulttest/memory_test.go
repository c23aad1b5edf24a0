package vaulttest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
)

// What is tested with it is worth as much as the store itself.
func TestMemory(t *testing.T) {
	RunStoreTests(t, func(*testing.T) vault.Store { return NewMemory() })
}

func TestMemoryConcurrency(t *testing.T) {
	RunConcurrencyTests(t, func(*testing.T) vault.Store { return NewMemory() })
}

// The index is held against a sorted list, through many splits and merges.
func TestOrdered(t *testing.T) {
	o, want := new(ordered), []string{}
	for i := range 20_000 {
		value := fmt.Sprint(i * 7919 % 5_003)
		at, found := slices.BinarySearch(want, value)
		if found {
			o.remove(vault.Cursor{Value: value})
			want = slices.Delete(want, at, at+1)
		} else {
			o.insert(place{Cursor: vault.Cursor{Value: value}})
			want = slices.Insert(want, at, value)
		}
	}
	var got []string
	o.from(vault.Cursor{}, "", func(p place) bool {
		got = append(got, p.Value)
		return true
	})
	if !slices.Equal(got, want[:len(got)]) || len(got) != len(want) {
		t.Errorf("got %d entries in another order, want %d", len(got), len(want))
	}
}
