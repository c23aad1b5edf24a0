//go:build linux

// Command vaultbench measures a vault on disk at several sizes and prints a table:
//
//	go run ./internal/integration/vaultbench -accounts 10000,100000,1000000
//
// A million accounts take about ten minutes and 12 GB of disk below the temporary directory. Every figure
// of opening, memory and reading comes from a process of its own, which has done nothing else.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	sizes := flag.String("accounts", "10000,100000", "numbers of accounts, separated by commas")
	dir := flag.String("dir", "", "directory for the vaults; a temporary one when empty")
	rounds := flag.Int("refreshes", 0, "how often every account is refreshed, to see what the disk needs; 720 are a month of hourly ones")
	step := flag.String("step", "", "used by the program itself")
	flag.Parse()
	var err error
	if *step != "" {
		err = runStep(*step, *dir)
	} else {
		err = run(*sizes, *dir, *rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vaultbench:", err)
		os.Exit(1)
	}
}

func run(sizes, dir string, rounds int) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "vaultbench"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	var all []figures
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			return fmt.Errorf("%q is not a number of accounts from 1000 on", text)
		}
		place := filepath.Join(dir, text)
		if err := os.Mkdir(place, 0o700); err != nil {
			return err
		}
		f, err := measure(place, n, rounds)
		if err != nil {
			return err
		}
		all = append(all, f)
		printTable(os.Stdout, all)
		if err := os.RemoveAll(place); err != nil {
			return err
		}
	}
	return nil
}

// figures are what was measured, by name.
type figures map[string]float64

// measure fills a vault and takes all steps, each in a process of its own.
func measure(place string, accounts, rounds int) (figures, error) {
	f := figures{"accounts": float64(accounts)}
	for name, n := range map[string]int{"accounts": accounts, "rounds": rounds} {
		if err := os.WriteFile(filepath.Join(place, name), []byte(strconv.Itoa(n)), 0o600); err != nil {
			return nil, err
		}
	}
	for _, step := range stepNames {
		got, err := child(place, step)
		if err != nil {
			return nil, fmt.Errorf("step %s: %w", step, err)
		}
		for name, v := range got {
			f[name] = v
		}
	}
	return f, nil
}

func child(place, step string) (figures, error) {
	cmd := exec.Command(os.Args[0], "-step", step, "-dir", place)
	cmd.Stderr = os.Stderr
	// The collector works as in the real program, which saves processor time while it serves requests,
	// and memory while it seals anew or restores.
	cmd.Env = append(os.Environ(), "GOGC=400")
	if step == "restore" || step == "reseal" {
		cmd.Env = append(os.Environ(), "GOGC=100")
	}
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: %.1f s\n", step, time.Since(start).Seconds())
	f := figures{}
	return f, json.Unmarshal(out, &f)
}
