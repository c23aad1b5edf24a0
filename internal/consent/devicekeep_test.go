package consent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// whilePolled has something happen while the provider makes out the token.
func (s *screen) whilePolled(happen func()) {
	s.from(func(path string) {
		if path == "/token" {
			happen()
		}
	}, consents)
}

// A token that comes for a link that is over is revoked.
func TestDeviceTokenComesTooLate(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		s.whilePolled(func() {
			if _, err := s.flow.Revoke(t.Context(), d.Link.ID); err != nil {
				t.Error(err)
			}
		})
		s.wantOver(s.after(d, time.Minute), "link_revoked")
		if s.revoked == 0 {
			t.Error("the token was not revoked")
		}
	})
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		s.whilePolled(func() {
			if _, err := s.vault.Forget(t.Context(), "", "user_1"); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Minute)
		if _, err := s.vault.Link(t.Context(), d.Link.ID); !errors.Is(err, vault.ErrNotFound) || s.revoked == 0 || len(s.connected) != 0 {
			t.Errorf("after the user was forgotten: %v, %d tokens revoked, connected %v", err, s.revoked, s.connected)
		}
	})
}

// A link that was revoked while it waits is not polled for any more.
func TestDeviceRevoked(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		time.Sleep(7 * time.Second)
		if _, err := s.flow.Revoke(t.Context(), d.Link.ID); err != nil {
			t.Fatal(err)
		}
		s.wantOver(s.after(d, time.Minute), "link_revoked")
		if len(s.polled) != 1 {
			t.Errorf("polled %d times", len(s.polled))
		}
	})
}

func TestO25DeviceDisconnectedMeanwhile(t *testing.T) {
	for name, end := range map[string]func(*screen, vault.ConnectedAccount) error{
		"disconnected": func(s *screen, a vault.ConnectedAccount) error {
			_, err := s.vault.SetStatus(s.t.Context(), a.ID, 0, vault.StatusDisconnected, "disconnected")
			return err
		},
		"deleted": func(s *screen, a vault.ConnectedAccount) error { return s.vault.DeleteAccount(s.t.Context(), a.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				defer s.tend(s.flow)()
				a := s.account("ada")
				d := s.begin()
				time.Sleep(time.Second)
				s.whilePolled(func() {
					if err := end(s, a); err != nil {
						t.Error(err)
					}
				})
				s.wantOver(s.after(d, time.Minute), "account_disconnected")
				if s.revoked == 0 {
					t.Error("the token was not revoked")
				}
			})
		})
	}
}

func TestO19DeviceOfSomebodyElse(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		a := s.account("somebody else")
		s.polls = []reply{consents}
		s.wantOver(s.after(s.begin(), time.Minute), "identity_mismatch")
		g, err := s.vault.Grant(t.Context(), a.ID)
		if err != nil || g.Access.Reveal() == "canary-access" || s.revoked == 0 {
			t.Errorf("the grant was replaced: %v, %d tokens revoked", err, s.revoked)
		}
	})
}

func TestDeviceSaveFails(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		s.whilePolled(func() { s.store.refuse.Store(vault.KindGrant) })
		s.wantOver(s.after(d, time.Minute), "save_failed")
		if s.revoked == 0 {
			t.Error("the token was not revoked")
		}
	})
	t.Run("the link", func(t *testing.T) {
		onScreen(t, func(t *testing.T, s *screen) {
			defer s.tend(s.flow)()
			d := s.begin()
			s.from(func(path string) {
				if path == "/token" && len(s.polled) == 1 {
					s.store.refuse.Store(vault.KindLink)
				}
			}, consents, refuses("invalid_grant"))
			time.Sleep(20 * time.Second)
			s.store.refuse.Store(vault.Kind(""))
			if l := s.after(d, time.Minute); l.Status != vault.LinkFailed || s.revoked == 0 {
				t.Errorf("the link is %s, %d tokens revoked", l.Status, s.revoked)
			}
		})
	})
}

// A write that has happened and is reported as failed does not cost the token.
func TestDeviceTakenAfterAll(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		s.whilePolled(func() {
			s.store.forgetful.Store(true)
			s.store.refuse.Store(vault.KindLink)
			time.AfterFunc(30*time.Millisecond, func() { s.store.refuse.Store(vault.Kind("")) })
		})
		l := s.after(d, time.Minute)
		if l.Status != vault.LinkUsed || s.revoked != 0 || len(s.connected) != 1 {
			t.Errorf("the link is %s %s, %d tokens revoked, connected %d times", l.Status, l.Outcome, s.revoked, len(s.connected))
		}
	})
}

// Without a browser nobody can choose, so that it has to be said beforehand.
func TestDeviceChoice(t *testing.T) {
	for name, tt := range map[string]struct {
		choice  map[string]string
		outcome string
		site    string
	}{
		"not said": {nil, "choice_needed", ""}, "said": {map[string]string{"site": "two"}, "", "two"},
		"not there": {map[string]string{"": "three"}, "choice_not_offered", ""},
	} {
		t.Run(name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				defer s.tend(s.flow)()
				s.polls = []reply{slower, consents} // what it holds is written anew
				d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "sites", Identifier: "user_1", Choice: tt.choice})
				if err != nil {
					t.Fatal(err)
				}
				l := s.after(d, time.Minute)
				g, err := s.vault.Grant(t.Context(), l.AccountID)
				if l.Outcome != tt.outcome || g.Captured["site"] != tt.site || (err == nil) != (tt.outcome == "") || (s.revoked == 0) != (tt.outcome == "") {
					t.Errorf("the link is %s %s, the site %q (%v), %d tokens revoked", l.Status, l.Outcome, g.Captured["site"], err, s.revoked)
				}
			})
		})
	}
}

// With a link that is taken back while its user chooses, the grant ends.
func TestRevokeWhileChoosing(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		l := s.link(consent.Request{}).Link
		l.Status, l.Held = vault.LinkChoice, vault.NewSecret(`{"choice":{"grant":{"access":"canary-held","refresh":"canary-kept"}}}`)
		if err := s.vault.PutLink(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
		if _, err := s.flow.Revoke(t.Context(), l.ID); err != nil || s.revoked == 0 {
			t.Errorf("got %v, %d tokens revoked", err, s.revoked)
		}
	})
}

// A link that was started anew and taken by another process meanwhile is not this token's.
func TestDeviceTakenElsewhere(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d := s.begin()
		s.whilePolled(func() {
			s.store.refuse.Store(vault.KindLink)
			time.AfterFunc(30*time.Millisecond, func() {
				s.store.refuse.Store(vault.Kind(""))
				l := s.stored(d.Link.ID)
				for _, l.Status = range []vault.LinkStatus{vault.LinkPolled, vault.LinkTaken} {
					if err := s.vault.PutLink(t.Context(), &l); err != nil {
						t.Error(err)
					}
				}
			})
		})
		if l := s.after(d, time.Minute); l.Status != vault.LinkTaken || s.revoked != 1 || len(s.connected) != 0 {
			t.Errorf("the link is %s %s, %d tokens revoked, connected %d times", l.Status, l.Outcome, s.revoked, len(s.connected))
		}
	})
}
