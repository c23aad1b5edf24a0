// Package tokensim lets many accounts live for days under a clock of its own, at providers that fail,
// limit, lose answers and end grants, while our processes are killed at the worst moments, and counts
// what becomes of the tokens. Nothing of it uses a network or a disk:
//
//	go test ./internal/integration/tokensim -v
//	go test ./internal/integration/tokensim -v -run Life -timeout 2h -args -accounts 100000 -days 30
//
// docs/operate/proofs.md says how to read the table at the end.
package tokensim
