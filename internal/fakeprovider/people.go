package fakeprovider

import "time"

// Canary is in every message of the user "nobody" that [DefaultUsers] contains. If it is seen with
// another user's access, accounts are not kept apart.
const Canary = "canary-5d0c7a1e-nobody-may-read-this"

// DefaultUsers returns alice and bob, with a week of mail before now, and the canary nobody, whom
// the login page does not mention.
func DefaultUsers(now time.Time) []User {
	ago := func(d time.Duration) time.Time { return now.Add(-d).UTC().Truncate(time.Second) }
	const day = 24 * time.Hour
	return []User{
		{ID: "alice", Name: "Alice Moreau", Email: "alice@postbox.example", Messages: []Message{
			{
				ID: "m-alice-7", From: "Bob Lindqvist <bob@postbox.example>", Subject: "Friday: pizza or the long table?",
				Date: ago(12 * time.Minute), Unread: true, Body: "We are nine now. The pizza place takes eight. Shall I ask for the long table at Rosa's instead?",
			},
			{
				ID: "m-alice-6", From: "Harbour Cycles <workshop@harbour-cycles.example>", Subject: "Your bike is ready",
				Date: ago(2 * time.Hour), Unread: true, Body: "New chain, new cassette, and we trued the rear wheel while we were at it. Open until six.",
			},
			{
				ID: "m-alice-5", From: "City Library <desk@library.example>", Subject: "Due on Thursday: The Left Hand of Darkness",
				Date: ago(9 * time.Hour), Unread: true, Body: "You can renew it twice online. Nobody is waiting for it.",
			},
			{
				ID: "m-alice-4", From: "Rail Tickets <no-reply@rail.example>", Subject: "Booking 8QX2LK: Lyon to Turin",
				Date: ago(day + 3*time.Hour), Body: "Coach 12, seats 41 and 42, by the window. The barcode is attached.",
			},
			{
				ID: "m-alice-3", From: "Mina Park <mina@studio-park.example>", Subject: "Second draft of the floor plan",
				Date: ago(2 * day), Body: "The kitchen moved to the south side. Tell me what you think of the pantry door.",
			},
			{
				ID: "m-alice-2", From: "Tenants' Association <hello@tenants.example>", Subject: "Minutes of the meeting",
				Date: ago(4 * day), Unread: true, Body: "Present: fourteen flats. Agreed: bicycle stands in the yard. Postponed: the colour of the stairwell.",
			},
			{
				ID: "m-alice-1", From: "Postbox <welcome@postbox.example>", Subject: "Welcome to Postbox",
				Date: ago(7 * day), Body: "This mailbox is made up. Nothing you read here was ever sent.",
			},
		}},
		{ID: "bob", Name: "Bob Lindqvist", Email: "bob@postbox.example", Messages: []Message{
			{
				ID: "m-bob-3", From: "Alice Moreau <alice@postbox.example>", Subject: "Re: Friday: pizza or the long table?",
				Date: ago(5 * time.Minute), Unread: true, Body: "The long table. And tell them about the birthday.",
			},
			{
				ID: "m-bob-2", From: "Observatory <tours@observatory.example>", Subject: "Two places left for Saturday night",
				Date: ago(day), Unread: true, Body: "Saturn is up from ten. Bring something warm, the dome is not heated.",
			},
			{
				ID: "m-bob-1", From: "Postbox <welcome@postbox.example>", Subject: "Welcome to Postbox",
				Date: ago(7 * day), Body: "This mailbox is made up. Nothing you read here was ever sent.",
			},
		}},
		{ID: "nobody", Name: "Nobody", Email: "nobody@postbox.example", Hidden: true, Messages: []Message{
			{ID: "m-nobody-2", From: Canary, Subject: Canary, Date: ago(time.Minute), Unread: true, Body: Canary},
			{ID: "m-nobody-1", From: Canary, Subject: Canary, Date: ago(day), Body: Canary},
		}},
	}
}
