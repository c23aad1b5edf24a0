package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/problem"
)

// mailPath is what the app asks for.
const mailPath = "/api/messages?unread=true&limit=5"

// answer is what the app got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// fetch sends what an app would send: its request, and the name of the account.
func (s *stage) fetch(ctx context.Context, path string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.proxy+path, nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Connected-Account", connection+"/"+identifier)
	res, err := s.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return answer{res.StatusCode, res.Header, body}, err
}

// ours tells whether the answer is Claviger's own and not the provider's.
func (a answer) ours() bool { return a.header.Get(problem.Header) != "" }

func (a answer) problem() (problem.Problem, error) {
	var p problem.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		return p, fmt.Errorf("the answer with status %d is no problem document", a.status)
	}
	return p, nil
}

// text is all of the answer, to be searched.
func (a answer) text() string {
	var b strings.Builder
	_ = a.header.Write(&b)
	b.Write(a.body)
	return b.String()
}

func (a answer) mail() ([]fakeprovider.Message, error) {
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("the provider's mailbox answered %d instead of 200", a.status)
	}
	var box struct {
		Messages []fakeprovider.Message `json:"messages"`
	}
	err := json.Unmarshal(a.body, &box)
	if err != nil || len(box.Messages) == 0 {
		return nil, fmt.Errorf("the provider's mailbox answered without messages")
	}
	return box.Messages, nil
}

// received is the last request for a path that the provider has got.
func (s *stage) received(path string) (fakeprovider.Entry, error) {
	log := s.provider.Log()
	for _, e := range slices.Backward(log) {
		if e.Path == path {
			return e, nil
		}
	}
	return fakeprovider.Entry{}, fmt.Errorf("the provider has got no request for %s", path)
}

// leaks returns how many of the secrets are in a text.
func leaks(text string, secrets []string) int {
	n := 0
	for _, s := range secrets {
		if strings.Contains(text, s) {
			n++
		}
	}
	return n
}
