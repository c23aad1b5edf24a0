package api

import (
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// The trailer of a backup. It comes only when the backup is whole.
const (
	trailerRecords = "Claviger-Records"
	trailerLeftOut = "Claviger-Left-Out"
)

// chunkTime is how long the caller may take to read a piece of a backup. Until the end of it the store
// cannot be closed, and keeps what is deleted or replaced.
const chunkTime = time.Minute

// backup sends the vault's records, sealed as they are. An error that comes before the first of them
// is answered as any other; a later one breaks the transfer off, so that nobody takes the part for
// the whole.
func (a *api) backup(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	out := &chunks{w: w, control: http.NewResponseController(w)}
	leftOut := 0
	facts, err := a.Vault.Backup(r.Context(), out, func(vault.Fault) { leftOut++ })
	out.end()
	if err != nil && !out.begun {
		return stored(err)
	}
	if err != nil {
		a.Log.Error("backup broke off", zap.Int64("bytes", out.sent), zap.Error(err))
		panic(http.ErrAbortHandler)
	}
	records := 0
	for _, n := range facts.Records {
		records += n
	}
	w.Header().Set(trailerRecords, strconv.Itoa(records))
	w.Header().Set(trailerLeftOut, strconv.Itoa(leftOut))
	a.Log.Info("backup was taken", zap.Int("records", records), zap.Int("left_out", leftOut), zap.Int64("bytes", out.sent))
	return nil
}

// chunks sends what it is given at once, and gives the caller time for each piece.
type chunks struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	sent    int64
}

// Write implements io.Writer.
func (c *chunks) Write(p []byte) (int, error) {
	if !c.begun {
		c.begun = true
		h := c.w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("Trailer", trailerRecords+", "+trailerLeftOut)
	}
	// Where no deadline can be set, nobody stalls: the answer goes into memory.
	_ = c.control.SetWriteDeadline(time.Now().Add(chunkTime))
	n, err := c.w.Write(p)
	c.sent += int64(n)
	if err == nil {
		err = c.control.Flush()
	}
	return n, err
}

// end takes the deadline back: the end of the answer is still to be sent, and the connection may have
// more requests.
func (c *chunks) end() { _ = c.control.SetWriteDeadline(time.Time{}) }
