package seal

import (
	"context"
	"fmt"
	"os"
)

// EnvKeys are keys in environment variables, in the form that [NewKeyText] makes.
type EnvKeys struct {
	// Var is the variable with the key in use.
	Var string
	// Retired are variables with earlier keys.
	Retired []string
}

// Active returns the key of Var. It is [ErrNoKey] when the variable is not set.
func (e EnvKeys) Active(context.Context) (Key, error) {
	return readKeyVar(e.Var)
}

// Find returns the key with that ID, or [ErrUnknownKey].
func (e EnvKeys) Find(_ context.Context, id string) (Key, error) {
	return findKey(id, append([]string{e.Var}, e.Retired...), readKeyVar)
}

// CheckKey tells whether a variable still has the key with that ID.
func (e EnvKeys) CheckKey(ctx context.Context, id string) error {
	_, err := e.Find(ctx, id)
	return err
}

func readKeyVar(name string) (Key, error) {
	text, ok := os.LookupEnv(name)
	if !ok || name == "" {
		return Key{}, fmt.Errorf("environment variable %s: %w", name, ErrNoKey)
	}
	k, err := ParseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("environment variable %s: %w", name, err)
	}
	return k, nil
}

var (
	_ KeyProvider = EnvKeys{}
	_ KeyChecker  = EnvKeys{}
)
