package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// Codes of requests with an Idempotency-Key.
const (
	CodeKeyInvalid = "idempotency_key_invalid"
	CodeKeyReused  = "idempotency_key_reused"
	CodeInProgress = "request_in_progress"
)

const (
	headerKey = "Idempotency-Key"
	// headerReplayed tells that the answer is the one that was given before.
	headerReplayed = "Idempotent-Replayed"
	maxKey         = 255
	// replyScope keeps these keys apart from all other uses of replies.
	replyScope = "api"
	// replyTime is how long it may take to keep an answer, whoever has gone meanwhile.
	replyTime = 10 * time.Second
)

// unkept are routes whose answers are not kept: a backup is too long, and what was forgotten is not to be found in
// the answer that says so.
var unkept = []string{"POST /vault/backup", "POST /vault/forget"}

// Once tells whether the operation takes an Idempotency-Key, with which it is done once.
func (o Operation) Once() bool {
	return o.Method() != http.MethodGet && !slices.Contains(unkept, o.Route)
}

// repliedHeaders are those that are kept with an answer.
var repliedHeaders = []string{"Content-Type", "Location", "ETag"}

// once does a request with an Idempotency-Key once: the answer to one that has succeeded is kept for a day,
// and given to whoever sends the same request again. One that has failed may be done anew.
func (a *api) once(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		keys := r.Header.Values(headerKey)
		if len(keys) == 0 {
			return h(w, r)
		}
		if len(keys) > 1 || !validKey(keys[0]) {
			return refuse(CodeKeyInvalid, "Idempotency-Key must come once, with 1 to 255 characters of printable ASCII", "")
		}
		body, err := readAll(w, r, client.MaxImportBytes)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		request := slices.Concat([]byte(r.Method+" "+r.URL.RequestURI()+"\n"), body)
		before, err := a.Vault.BeginReply(r.Context(), replyScope, keys[0], request)
		switch {
		case errors.Is(err, vault.ErrOtherRequest):
			return refuse(CodeKeyReused, "the Idempotency-Key is that of another request", "")
		case errors.Is(err, vault.ErrUnanswered):
			return refuse(CodeInProgress, "a request with this Idempotency-Key has not been answered yet", "")
		case err != nil:
			return stored(err)
		case before.Status != 0:
			return replay(w, before)
		}
		out := &held{ResponseWriter: w}
		defer func() { // also when the handler panics
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), replyTime)
			defer cancel()
			if err := a.Vault.EndReply(ctx, replyScope, keys[0], request, out.reply(before.CreatedAt)); err != nil {
				a.Log.Error("the answer to a request with an Idempotency-Key cannot be kept", zap.Error(err))
			}
			out.send()
		}()
		return h(out, r)
	}
}

func validKey(key string) bool {
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= maxKey
}

// replay gives an answer again.
func replay(w http.ResponseWriter, r vault.Reply) error {
	for name, value := range r.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(headerReplayed, "true")
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Body.Reveal()) // the caller has gone; there is nobody to tell
	return nil
}

// held is an answer that is sent when it has been kept.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap is for [http.ResponseController].
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

// Write implements [http.ResponseWriter].
func (h *held) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(p)
}

// reply is what is kept of the answer; nothing if it is no success.
func (h *held) reply(at time.Time) vault.Reply {
	if h.status < 200 || h.status > 299 {
		return vault.Reply{}
	}
	r := vault.Reply{Status: h.status, Header: map[string]string{}, Body: vault.NewSecret(h.body.String()), CreatedAt: at}
	for _, name := range repliedHeaders {
		if value := h.Header().Get(name); value != "" {
			r.Header[name] = value
		}
	}
	return r
}

// send sends it, unless the handler has left the answer to somebody else.
func (h *held) send() {
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
		_, _ = h.ResponseWriter.Write(h.body.Bytes())
	}
}
