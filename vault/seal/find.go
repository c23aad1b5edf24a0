package seal

import (
	"errors"
	"fmt"
	"strings"
)

// findKey reads the places in turn until one has the key with that ID. What was wrong with the
// others is told only when none has. A place is printed in errors.
func findKey[P any](id string, places []P, read func(P) (Key, error)) (Key, error) {
	var found []string
	kind := ErrUnknownKey
	for _, p := range places {
		k, err := read(p)
		switch {
		case err != nil:
			found = append(found, err.Error())
			if errors.Is(err, ErrUnavailable) {
				kind = ErrUnavailable // this place may have it
			}
		case k.ID == id:
			return k, nil
		default:
			found = append(found, fmt.Sprintf("%v has key %s", p, k.ID))
		}
	}
	return Key{}, fmt.Errorf("%w: nothing has the ID %s (%s)", kind, id, strings.Join(found, "; "))
}
