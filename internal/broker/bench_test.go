package broker_test

import (
	"strconv"
	"testing"

	"github.com/claviger-proxy/claviger/internal/broker"
)

// BenchmarkHot is what a request costs in the broker when its account is in the cache. It must not
// allocate; TestHotPathDoesNotAllocate says so.
func BenchmarkHot(b *testing.B) {
	k := newKit(b)
	for i := range 1000 {
		k.connect("alice", "user_"+strconv.Itoa(i))
	}
	tags := make([]string, 1000)
	for i := range tags {
		tags[i] = "demo/user_" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := hot(k, tags[i%len(tags)]); err != nil {
			b.Fatal(err)
		}
	}
}

func hot(k *kit, tag string) error {
	ref, err := broker.ParseRef(tag)
	if err != nil {
		return err
	}
	target, err := k.broker.Resolve(k.t.Context(), ref)
	if err != nil {
		return err
	}
	_, err = k.broker.Credential(k.t.Context(), target)
	return err
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	k := newKit(t)
	id := string(k.connect("alice", "user_1").Account)
	for _, tag := range []string{"demo/user_1", id} {
		n := testing.AllocsPerRun(100, func() {
			if err := hot(k, tag); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: got %v allocations, want none", tag, n)
		}
	}
}
