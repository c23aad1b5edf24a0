// Package bench compares Claviger with Caddy's own reverse_proxy, as processes, in one run:
//
//	go test ./internal/integration/bench -bench . -benchtime 1x
//
// Figures of single runs move from machine to machine; the ratios are what counts. Linux only,
// because the CPU clock of another process is read.
package bench
