package fakeprovider

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A User has an account at the provider.
type User struct {
	// ID is the name to log in with and the account's ID. It must not be empty or contain a colon.
	ID    string
	Name  string
	Email string
	// Hidden users are not named on the login page.
	Hidden bool
	// Messages may be in any order; those without an ID get one.
	Messages []Message
}

// A Message is one mail.
type Message struct {
	ID      string    `json:"id"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Date    time.Time `json:"date"`
	Unread  bool      `json:"unread"`
	Snippet string    `json:"snippet"`
	Body    string    `json:"body,omitempty"` // only when one message is asked for
}

// checkUsers refuses IDs that tokens could not carry.
func checkUsers(users []User) error {
	seen := make(map[string]bool)
	for _, u := range users {
		if u.ID == "" || strings.Contains(u.ID, ":") || seen[u.ID] {
			return fmt.Errorf("user ID %q is empty, taken or contains a colon", u.ID)
		}
		seen[u.ID] = true
	}
	return nil
}

// snippet is the beginning of a text, cut at a word.
func snippet(body string) string {
	const limit = 90
	line := strings.Join(strings.Fields(body), " ")
	if len(line) <= limit {
		return line
	}
	return line[:max(strings.LastIndexByte(line[:limit], ' '), 1)] + "…"
}

// mailbox holds everybody's messages.
type mailbox struct {
	mu    sync.Mutex
	order []string
	users map[string]*User
}

func newMailbox(users []User) *mailbox {
	m := &mailbox{users: make(map[string]*User)}
	for _, u := range users {
		u.Messages = slices.Clone(u.Messages)
		for i := range u.Messages {
			msg := &u.Messages[i]
			if msg.ID == "" {
				msg.ID = random("msg_")
			}
			if msg.Snippet == "" {
				msg.Snippet = snippet(msg.Body)
			}
		}
		slices.SortStableFunc(u.Messages, func(a, b Message) int { return b.Date.Compare(a.Date) })
		m.order = append(m.order, u.ID)
		m.users[u.ID] = &u
	}
	return m
}

// user returns a user without the messages.
func (m *mailbox) user(id string) (User, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[id]
	if !ok {
		return User{}, false
	}
	c := *u
	c.Messages = nil
	return c, true
}

// find returns the user with that ID or email address, however it is capitalised.
func (m *mailbox) find(login string) (User, bool) {
	login = strings.ToLower(strings.TrimSpace(login))
	for _, u := range m.all() {
		if login == strings.ToLower(u.ID) || login == strings.ToLower(u.Email) {
			return u, true
		}
	}
	return User{}, false
}

func (m *mailbox) all() []User {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]User, 0, len(m.order))
	for _, id := range m.order {
		u := *m.users[id]
		u.Messages = nil
		list = append(list, u)
	}
	return list
}

// list returns one page of a user's messages, newest first, and whether there are more.
func (m *mailbox) list(user string, unreadOnly bool, page, limit int) (messages []Message, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	messages = []Message{}
	skip := (page - 1) * limit
	for _, msg := range m.users[user].Messages {
		switch {
		case unreadOnly && !msg.Unread:
		case skip > 0:
			skip--
		case len(messages) == limit:
			return messages, true
		default:
			msg.Body = ""
			messages = append(messages, msg)
		}
	}
	return messages, false
}

// message returns one message of a user, marking it as read first if asked to.
func (m *mailbox) message(user, id string, read bool) (Message, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.users[user].Messages
	for i := range list {
		if list[i].ID == id {
			list[i].Unread = list[i].Unread && !read
			return list[i], true
		}
	}
	return Message{}, false
}
