package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Reply is what was answered to a request that the caller may send again.
type Reply struct {
	// Status is the answer's; zero while nobody has answered yet.
	Status int
	// Header are those that belong to the answer.
	Header map[string]string
	Body   Secret
	// CreatedAt is when the request came.
	CreatedAt time.Time
}

// Errors of [Vault.BeginReply].
var (
	// ErrOtherRequest: the key has been used for another request.
	ErrOtherRequest = errors.New("the key is of another request")
	// ErrUnanswered: the first request has not been answered yet.
	ErrUnanswered = errors.New("the request has not been answered yet")
)

const (
	// replyLife is how long an answer is kept, MaxReply how long its body may be.
	replyLife = 24 * time.Hour
	MaxReply  = 128 << 10
	// unansweredLife is after how long a request that nobody has answered may be done anew: whoever did it
	// has been ended.
	unansweredLife = 15 * time.Minute
)

// indexReply has all replies; the value is empty.
const indexReply = "reply"

type replyMeta struct {
	Project   string    `json:"project"`
	CreatedAt time.Time `json:"created_at"`
}

func (m *replyMeta) project() string { return m.Project }

// replySecrets is the sealed part: a request may have secrets in it, so its hash is not shown either.
type replySecrets struct {
	Request string            `json:"request"`
	Status  int               `json:"status,omitempty"`
	Header  map[string]string `json:"header,omitempty"`
	Body    []byte            `json:"body,omitempty"`
}

// replyKey keeps keys of any form, and of any scope, apart.
func replyKey(scope, key string) Key {
	sum := sha256.Sum256([]byte(scope + "\x00" + key))
	return Key{Kind: KindReply, ID: hex.EncodeToString(sum[:])}
}

// BeginReply notes that a request with that key is being done, or returns what was answered to it. request
// is all that makes the request what it is; when another one had the key, the error is [ErrOtherRequest].
// [ErrUnanswered] says that somebody is doing it right now. Who gets neither an error nor a reply with a
// status has to do it, and to call [Vault.EndReply].
func (v *Vault) BeginReply(ctx context.Context, scope, key string, request []byte) (Reply, error) {
	k, sum := replyKey(scope, key), sha256.Sum256(request)
	asked := hex.EncodeToString(sum[:])
	for range maxAttempts {
		r, err := v.store.Get(ctx, k)
		if err == nil {
			return v.replyOf(ctx, r, asked)
		}
		if !errors.Is(err, ErrNotFound) {
			return Reply{}, err
		}
		made := Reply{CreatedAt: v.now()}
		err = v.putReply(ctx, k, 0, asked, made, unansweredLife)
		if !errors.Is(err, ErrConflict) {
			return made, err
		}
	}
	return Reply{}, ErrUnanswered // others come and go
}

// replyOf is what is known of a request with that hash.
func (v *Vault) replyOf(ctx context.Context, r Record, asked string) (Reply, error) {
	m, s, err := v.openReply(ctx, r)
	switch {
	case err != nil:
		return Reply{}, err
	case s.Request != asked:
		return Reply{}, ErrOtherRequest
	case s.Status == 0:
		return Reply{}, ErrUnanswered
	}
	return Reply{Status: s.Status, Header: s.Header, Body: NewSecret(string(s.Body)), CreatedAt: m.CreatedAt}, nil
}

// EndReply keeps the answer to a request that BeginReply has left to the caller, for a day. An answer
// without a status, or longer than [MaxReply], is not kept: then the request may be done anew. Nor is one that
// comes after a [Vault.Forget], whose user it might be about.
func (v *Vault) EndReply(ctx context.Context, scope, key string, request []byte, answer Reply) error {
	k, sum := replyKey(scope, key), sha256.Sum256(request)
	version, err := v.version(ctx, k)
	if err != nil || version == 0 {
		return err
	}
	if answer.Status == 0 || len(answer.Body.Reveal()) > MaxReply {
		err = v.store.Apply(ctx, Change{Record: Record{Key: k, Version: version}, Delete: true})
	} else {
		err = v.putReply(ctx, k, version, hex.EncodeToString(sum[:]), answer, replyLife)
	}
	if errors.Is(err, ErrConflict) { // it is forgotten, or another one's by now
		return nil
	}
	return err
}

func (v *Vault) putReply(ctx context.Context, k Key, version uint64, asked string, a Reply, life time.Duration) error {
	m := replyMeta{Project: DefaultProject, CreatedAt: utc(a.CreatedAt)}
	s := replySecrets{Request: asked, Status: a.Status, Header: a.Header, Body: []byte(a.Body.Reveal())}
	return v.write(ctx, func(r *ring) ([]Change, error) {
		return one(r.reply(ctx, k, version, version+1, m, s, v.now().Add(life)))
	})
}

// reply is the write of a reply, which ends then.
func (r *ring) reply(ctx context.Context, k Key, seen, next uint64, m replyMeta, s replySecrets, end time.Time) (Change, error) {
	ch, err := r.change(ctx, k, seen, next, m.Project, m, s)
	if err != nil {
		return Change{}, fmt.Errorf("the answer to a request: %w", err)
	}
	ch.Expires = end
	ch.Indexes = []IndexEntry{{Index: indexReply}}
	return ch, nil
}

func (v *Vault) openReply(ctx context.Context, r Record) (m replyMeta, s replySecrets, err error) {
	err = v.open(ctx, r, &m, &s)
	return m, s, err
}
