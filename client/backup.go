package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// The trailer of a backup. It comes only when the backup is whole.
const (
	trailerRecords = "Claviger-Records"
	trailerLeftOut = "Claviger-Left-Out"
)

// Backup is what a backup has.
type Backup struct {
	// Records counts those in the backup, LeftOut those that cannot be read and are not in it.
	Records int `json:"records"`
	LeftOut int `json:"left_out"`
}

// Backup writes a backup of the vault to w, as it comes. The secrets in it are sealed: whoever has
// it needs the key-encryption key too. It may take as long as ctx allows, but what w takes may not
// stall: the server ends a backup that nobody reads for a minute. With an error, what was written is
// not a backup.
func (c *Client) Backup(ctx context.Context, w io.Writer) (Backup, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/vault/backup", nil)
	if err != nil {
		return Backup{}, fmt.Errorf("building the request: %w", err)
	}
	res, err := c.patient().http.Do(r)
	if err != nil {
		return Backup{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/octet-stream" {
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err != nil {
			return Backup{}, fmt.Errorf("reading the answer: %w", err)
		}
		return Backup{}, problemOf(res.StatusCode, body)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return Backup{}, fmt.Errorf("taking the backup: %w", err)
	}
	var b Backup
	var errs [2]error
	b.Records, errs[0] = strconv.Atoi(res.Trailer.Get(trailerRecords))
	b.LeftOut, errs[1] = strconv.Atoi(res.Trailer.Get(trailerLeftOut))
	if errs != [2]error{} {
		return Backup{}, errors.New("taking the backup: its end is missing")
	}
	return b, nil
}

// patient is c without a timeout: what it does takes as long as there is to do.
func (c *Client) patient() *Client {
	h := *c.http
	h.Timeout = 0
	return &Client{base: c.base, http: &h, retries: c.retries}
}
